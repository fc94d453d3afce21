package redoubt.base;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Where a request enters a part of the engine. Whatever runs below such a method, down to what the JDK does for it, allocates nothing, links
 * nothing, takes no monitor and throws nothing that was not there before: it may be what memory reclaim waits for. The build proves it
 * over the class files of all rooms, and says what it takes on trust (docs/CONCURRENCY.md).
 */
@Documented
@Retention(RetentionPolicy.CLASS)
@Target(ElementType.METHOD)
public @interface ReclaimSafe {}
