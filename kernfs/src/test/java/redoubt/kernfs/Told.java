package redoubt.kernfs;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A subscriber that notes what it is told. */
class Told implements Subscriber {

    final List<String> words = new CopyOnWriteArrayList<>();
    final AtomicInteger times = new AtomicInteger();

    @Override
    public void modified(KernfsAttribute attribute, @Nullable KernfsDirectory parent, String name) {
        words.add("modify " + (parent == null ? "-" : parent.path()) + " " + name);
        times.incrementAndGet();
    }

    @Override
    public void removed(KernfsNode node, String lastName) {
        words.add("removed " + lastName);
    }
}
