package redoubt.explore;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.InaccessibleObjectException;
import java.lang.reflect.Modifier;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.SortedMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequestPool;
import redoubt.kernfs.OpenFile;

/**
 * The state of a scenario as a number of 128 bits: everything that can be reached from it, read field by field. Two states that differ in
 * anything that could decide the future differ here, but for a chance of about one in 2^100. Objects are named by the order in which they are
 * met, so two runs that come to the same state by different ways agree.
 *
 * <p><b>What is left out</b>, and why that decides nothing:
 * <ul>
 *   <li>what only counts for people ({@link #STATISTICS}): written, and read by views only;
 *   <li>the content of buffers in flight and their addresses: it was put there by the scenario, which always puts the same, and what arrived on a disk
 *       is read there;
 *   <li>which of a pool's requests are free: of a pool only how many are; a request that is in use is met where it waits;
 *   <li>threads, class objects, handles: for a task that stands still, the stage's task and its frames stand in. Its local variables are not seen; the
 *       places where a task can stand are few, and {@link Story} says of each what its locals are.
 * </ul>
 *
 * <p><b>Time</b> is read as distance from now, so a state in which the same timers have as long to go is the same state later. What is further back than
 * {@link #LONG_AGO_NANOS} is just long ago: no timer of the scenario runs as long.
 *
 * <p>An object of a kind that is not known here is refused, so nothing is left out in silence. The production rooms must be open to this one by {@code
 * --add-opens}, or on the class path.
 *
 * <p>A search reads hundreds of thousands of states with one of these. One thread at a time.
 */
final class Fingerprint {

    /** Where the time of a scenario begins: so far out that a number near it is a time. */
    static final long EPOCH_NANOS = 1L << 60;

    static final long LONG_AGO_NANOS = 4_000_000_000L;
    private static final long TIMES_REACH_NANOS = 1L << 50;

    /** More items than this in a row are to a rescuer as this many (Rescuer.BATCH, and one). */
    private static final int A_WHOLE_BATCH = 17;

    /** By class and field: what is written and decides nothing. */
    private static final Set<String> STATISTICS = Set.of(
            "Manager.maydays", // for views
            "Manager.failures", // for views
            "Rescuer.rescued", // for views
            "WorkerPool.progressNanos", // for the watchdog, which is off
            "WorkerPool.made", // for names
            "WorkerPool.executing", // an index of PoolWorker.current, ordered by chance
            "PoolWorker.nextExecuting",
            "WorkerPool.machine", // the same for all, and met elsewhere
            "Timers.lastTick", // of delayed work, of which there is none
            "Timers.wheel",
            "Workqueues.culls", // of workers idle for 300 s; the items never run
            "Workqueues.hogs", // off
            "Workqueues.watchdog", // off
            "Workqueues.system", // the same queues again
            "PoolWorker.idleSinceNanos", // for culling
            "PoolWorker.currentSinceNanos", // for hogs
            "IoRequest.index", // which of a pool's requests it is
            "IoRequest.acceptedNanos", // of lanes, of which there are none
            "WriteOrder.heads", // free between two steps: the writes do not overlap, and the disks answer at once
            "Door.pool", // full between two steps, for the same reason
            "KernfsAttribute.events", // what decides is whether a file has seen them, and that is read
            "OpenFile.seenEvents",
            "KernfsAttribute.make", // what attributes are made of does not change
            "KernfsNode.place", // nor where they stand
            "Stage.notes",
            "Stage.driver",
            "Stage.driversTurn",
            "Task.turn",
            "Task.thread");

    /** How an object is read. The first are values, which are not named; the rest are met once, and named by when. */
    private enum How {
        TEXT,
        LONG,
        NUMBER,
        TRUTH,
        ONE_OF,
        PRINTED,
        OUTSIDE,
        BYTES,
        OBJECTS,
        ARRAY,
        REFERENCE,
        LONGS,
        LOCK,
        MAP,
        MANY,
        MAYBE,
        POOL,
        FIELDS
    }

    /**
     * What there is of a class.
     *
     * @param reader reads all fields of an object that has any, in their order: {@code (Fingerprint, Object)void}
     */
    private record Kind(How how, int name, MethodHandle reader) {}

    private static final MethodType READER = MethodType.methodType(void.class, Fingerprint.class, Object.class);
    private static final MethodHandle NOTHING = MethodHandles.empty(READER);

    private static final ClassValue<Kind> KINDS = new ClassValue<>() {
        @Override
        protected Kind computeValue(Class<?> type) {
            How how = how(type);
            return new Kind(how, type.getName().hashCode(), how == How.FIELDS ? readerOf(type) : NOTHING);
        }
    };

    private long now;
    private final Names met = new Names();
    private final ArrayDeque<Object> todo = new ArrayDeque<>();
    private long high;
    private long low;

    /** The number. */
    record Print(long high, long low) {}

    /** Reads a scenario. */
    Print of(Object root, long nowNanos) {
        now = nowNanos;
        high = 0x9E3779B97F4A7C15L;
        low = 0xC2B2AE3D27D4EB4FL;
        met.forget();
        reference(root);
        Object next;
        while ((next = todo.poll()) != null) {
            read(next);
        }
        return new Print(high, low);
    }

    /** Objects, named by the order in which they are met. */
    private static final class Names {
        private static final int FRESH = -1;

        private @Nullable Object[] objects = new Object[1 << 14];
        private int[] names = new int[1 << 14];
        private int count;

        void forget() {
            Arrays.fill(objects, null);
            count = 0;
        }

        /** The name of an object that was met before, else {@link #FRESH}, and from now on it has one: the number of those before it. */
        int of(Object object) {
            int mask = objects.length - 1;
            int at = System.identityHashCode(object) & mask;
            Object there;
            while ((there = objects[at]) != null) {
                if (there == object) {
                    return names[at];
                }
                at = (at + 1) & mask;
            }
            objects[at] = object;
            names[at] = count++;
            if (2 * count > objects.length) {
                grow();
            }
            return FRESH;
        }

        private void grow() {
            @Nullable Object[] before = objects;
            int[] named = names;
            int length = 2 * before.length;
            objects = new Object[length];
            names = new int[length];
            for (int i = 0; i < before.length; i++) {
                Object object = before[i];
                if (object != null) {
                    int at = System.identityHashCode(object) & (length - 1);
                    while (objects[at] != null) {
                        at = (at + 1) & (length - 1);
                    }
                    objects[at] = object;
                    names[at] = named[i];
                }
            }
        }
    }

    private void mix(long value) {
        high = Long.rotateLeft((high ^ value) * 0xFF51AFD7ED558CCDL, 31) + low;
        low = Long.rotateLeft((low + value) * 0xC4CEB9FE1A85EC53L, 29) ^ high;
    }

    private void number(long value) {
        if (value > EPOCH_NANOS - TIMES_REACH_NANOS && value < EPOCH_NANOS + TIMES_REACH_NANOS) {
            mix(Math.max(value - now, -LONG_AGO_NANOS) ^ 0x5555_0000_0000_0000L);
        } else {
            mix(value);
        }
    }

    private void text(String text) {
        mix(text.length());
        mix(text.hashCode());
    }

    private void reference(@Nullable Object object) {
        if (object == null) {
            mix(-1);
            return;
        }
        switch (KINDS.get(object.getClass()).how) {
            case TEXT -> text((String) object);
            case LONG -> number(((Number) object).longValue());
            case NUMBER -> mix(((Number) object).longValue());
            case TRUTH -> mix((Boolean) object ? 3 : 5);
            case ONE_OF -> text(((Enum<?>) object).name());
            case PRINTED -> text(object.toString());
            case OUTSIDE -> mix(-2);
            case BYTES, OBJECTS, ARRAY, REFERENCE, LONGS, LOCK, MAP, MANY, MAYBE, POOL, FIELDS -> {
                int fresh = met.count;
                int known = met.of(object);
                if (known == Names.FRESH) {
                    mix(~fresh);
                    todo.add(object);
                } else {
                    mix(known);
                }
            }
        }
    }

    private void read(Object object) {
        Kind kind = KINDS.get(object.getClass());
        mix(kind.name);
        switch (kind.how) {
            case BYTES -> {
                mix(((byte[]) object).length);
                mix(Arrays.hashCode((byte[]) object));
            }
            case OBJECTS -> {
                Object[] many = (Object[]) object;
                mix(many.length);
                for (Object one : many) {
                    reference(one);
                }
            }
            case ARRAY -> {
                int length = Array.getLength(object);
                mix(length);
                for (int i = 0; i < length; i++) {
                    reference(Array.get(object, i));
                }
            }
            case REFERENCE -> reference(((AtomicReference<?>) object).get());
            case LONGS -> {
                AtomicLongArray words = (AtomicLongArray) object;
                for (int i = 0; i < words.length(); i++) {
                    number(words.get(i));
                }
            }
            case LOCK -> mix(((ReentrantLock) object).isLocked() ? 1 : 0);
            case MAP -> entries((Map<?, ?>) object);
            case MANY -> many((Collection<?>) object);
            case MAYBE -> reference(((Optional<?>) object).orElse(null));
            case POOL -> mix(((IoRequestPool) object).free());
            case FIELDS -> fields(object, kind);
            case TEXT, LONG, NUMBER, TRUTH, ONE_OF, PRINTED, OUTSIDE ->
                throw new IllegalStateException("a value is not met: " + object);
        }
    }

    private void entries(Map<?, ?> map) {
        mix(map.size());
        List<Map.Entry<?, ?>> entries = new ArrayList<>(map.entrySet());
        if (!(map instanceof SortedMap<?, ?>) && map.size() > 1) {
            entries.sort((one, other) -> key(one).compareTo(key(other)));
        }
        for (Map.Entry<?, ?> entry : entries) {
            reference(entry.getKey());
            reference(entry.getValue());
        }
    }

    private static String key(Map.Entry<?, ?> entry) {
        return named(entry.getKey());
    }

    private static String named(Object key) {
        if (key instanceof String || key instanceof Number || key instanceof Enum<?>) {
            return key.toString();
        }
        throw new IllegalStateException("a map or set without an order has keys without one: " + key.getClass());
    }

    private void many(Collection<?> many) {
        mix(many.size());
        if (many instanceof Set<?> && many.size() > 1) {
            many.stream().map(Fingerprint::named).sorted().forEach(this::text);
            return;
        }
        for (Object one : many) {
            reference(one);
        }
    }

    private void fields(Object object, Kind kind) {
        if (object instanceof OpenFile file) {
            mix(file.poll());
        }
        try {
            kind.reader.invokeExact(this, object);
        } catch (RuntimeException | Error thrown) {
            throw thrown;
        } catch (Throwable impossible) {
            throw new IllegalStateException("a state cannot be read", impossible);
        }
    }

    @SuppressWarnings("UnusedMethod") // readerOf finds it by name
    private void flag(boolean value) {
        mix(value ? 1 : 0);
    }

    @SuppressWarnings("UnusedMethod") // readerOf finds it by name
    private void batch(int value) {
        mix(Math.min(value, A_WHOLE_BATCH));
    }

    private static How how(Class<?> type) {
        String name = type.getName();
        if (Thread.class.isAssignableFrom(type)
                || ThreadLocal.class.isAssignableFrom(type)
                || ClassLoader.class.isAssignableFrom(type)
                || name.startsWith("java.lang.invoke.")
                || (name.startsWith("java.util.concurrent.atomic.Atomic") && name.contains("FieldUpdater"))
                || name.startsWith("jdk.internal.foreign.")
                || name.startsWith("java.nio.")
                || name.startsWith("redoubt.block.IoMemory")
                || name.equals("redoubt.block.IoBuffer")) {
            return How.OUTSIDE;
        }
        if (type == String.class) {
            return How.TEXT;
        }
        if (type == Long.class || type == AtomicLong.class) {
            return How.LONG;
        }
        if (Number.class.isAssignableFrom(type)) {
            return How.NUMBER;
        }
        if (type == Boolean.class) {
            return How.TRUTH;
        }
        if (Enum.class.isAssignableFrom(type)) {
            return How.ONE_OF;
        }
        if (type == Class.class
                || type == Character.class
                || type == Instant.class
                || type == BitSet.class
                || type == AtomicBoolean.class
                || type == OptionalInt.class
                || type == OptionalLong.class) {
            return How.PRINTED;
        }
        if (type.isArray()) {
            return type == byte[].class ? How.BYTES : type.componentType().isPrimitive() ? How.ARRAY : How.OBJECTS;
        }
        if (type == AtomicReference.class) {
            return How.REFERENCE;
        }
        if (type == AtomicLongArray.class) {
            return How.LONGS;
        }
        if (type == ReentrantLock.class) {
            return How.LOCK;
        }
        if (type == Optional.class) {
            return How.MAYBE;
        }
        if (name.startsWith("java.util.") && Map.class.isAssignableFrom(type)) {
            return How.MAP;
        }
        if (name.startsWith("java.util.") && Collection.class.isAssignableFrom(type)) {
            return How.MANY;
        }
        return type == IoRequestPool.class ? How.POOL : How.FIELDS;
    }

    private static MethodHandle readerOf(Class<?> type) {
        MethodHandle all = NOTHING;
        for (Field field : fieldsOf(type).reversed()) {
            all = MethodHandles.foldArguments(all, readerOf(field));
        }
        return all;
    }

    private static MethodHandle readerOf(Field field) {
        Class<?> of = field.getType();
        MethodHandles.Lookup here = MethodHandles.lookup();
        try {
            MethodHandle takes;
            if (of == long.class) {
                takes = taking(here, "number", long.class);
            } else if (of == boolean.class) {
                takes = taking(here, "flag", boolean.class);
            } else if (of == int.class) {
                takes = field.getName().equals("batch")
                        ? taking(here, "batch", int.class)
                        : taking(here, "mix", long.class);
            } else {
                takes = taking(here, "reference", Object.class);
            }
            Class<?> taken = takes.type().parameterType(1);
            MethodHandle gives = here.unreflectGetter(field).asType(MethodType.methodType(taken, Object.class));
            return MethodHandles.filterArguments(takes, 1, gives);
        } catch (ReflectiveOperationException closed) {
            throw new IllegalStateException("a state cannot be read", closed);
        }
    }

    private static MethodHandle taking(MethodHandles.Lookup here, String name, Class<?> what)
            throws ReflectiveOperationException {
        return here.findVirtual(Fingerprint.class, name, MethodType.methodType(void.class, what));
    }

    private static List<Field> fieldsOf(Class<?> type) {
        List<Field> fields = new ArrayList<>();
        for (Class<?> each = type;
                each != null && each != Object.class && each != Record.class;
                each = each.getSuperclass()) {
            if (!each.getName().startsWith("redoubt.")) {
                throw new IllegalStateException("a state holds an object of a kind that is not known here: " + each);
            }
            for (Field field : each.getDeclaredFields()) {
                boolean counts = !Modifier.isStatic(field.getModifiers())
                        && !STATISTICS.contains(each.getSimpleName() + "." + field.getName());
                if (counts) {
                    open(field);
                    fields.add(field);
                }
            }
        }
        return List.copyOf(fields);
    }

    private static void open(Field field) {
        try {
            field.setAccessible(true);
        } catch (InaccessibleObjectException closed) {
            throw new IllegalStateException(
                    "the rooms are not open to the search; start it with ./redoubt, which opens them", closed);
        }
    }
}
