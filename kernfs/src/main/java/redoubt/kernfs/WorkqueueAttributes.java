package redoubt.kernfs;

import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import redoubt.workqueue.WorkqueueFlag;
import redoubt.workqueue.WorkqueueView;
import redoubt.workqueue.WorkqueueView.JointView;
import redoubt.workqueue.WorkqueueView.PoolView;
import redoubt.workqueue.WorkqueueView.QueueView;

/**
 * Workqueues as a directory that can be read: a directory for each pool and each queue, with one number or a few words in each attribute.
 * Each show takes a new picture, for which the locks of the pools are taken one after another; nobody waits for who looks. What is shown
 * changes all the time, so nothing here is notified.
 *
 * <pre>
 * pools/NAME/   cpu, nice, workers, idle, running, waiting, managing, maydays, failures, stuck_ms
 * queues/NAME/  flags, max_active, min_active, active, inactive, in_flight, rescuer, rescued, draining, frozen, flushes,
 *               waits_for, needed_by
 * </pre>
 */
public final class WorkqueueAttributes {

    private static final long NANOS_PER_MILLI = 1_000_000;

    private static final Outcome GONE = Outcome.refused(Errno.ENODEV, "there is no such pool or queue any more");

    private final Supplier<WorkqueueView> picture;
    private final KernfsDirectory pools = new KernfsDirectory("pools");
    private final KernfsDirectory queues = new KernfsDirectory("queues");
    private final KernfsDirectory directory;

    /**
     * A directory that is put nowhere yet, with all pools and queues of the moment.
     *
     * @param name what it is called
     * @param picture takes a picture; on any thread
     */
    public WorkqueueAttributes(String name, Supplier<WorkqueueView> picture) {
        this.picture = picture;
        directory = new KernfsDirectory(name, pools, queues);
        refresh();
    }

    /** The directory. */
    public KernfsDirectory directory() {
        return directory;
    }

    /** Adds what has come and removes what has gone since the last time; whoever makes a queue that is to be seen calls this. */
    public synchronized void refresh() {
        WorkqueueView now = picture.get();
        Set<String> present = new HashSet<>();
        now.pools().forEach(pool -> present.add(fileName(pool.name())));
        removeOthers(pools, present);
        for (PoolView pool : now.pools()) {
            addIfNew(pools, fileName(pool.name()), () -> poolDirectory(pool.name()));
        }
        present.clear();
        now.queues().forEach(queue -> present.add(fileName(queue.name())));
        removeOthers(queues, present);
        for (QueueView queue : now.queues()) {
            addIfNew(queues, fileName(queue.name()), () -> queueDirectory(queue.name()));
        }
    }

    /** As sysfs writes it. */
    private static String fileName(String name) {
        return name.replace('/', '!');
    }

    private static void removeOthers(KernfsDirectory from, Set<String> present) {
        for (KernfsNode node : from.entries()) {
            if (!present.contains(node.name())) {
                node.remove();
            }
        }
    }

    private static void addIfNew(KernfsDirectory to, String name, Supplier<KernfsDirectory> made) {
        if (to.entries().stream().noneMatch(node -> node.name().equals(name))) {
            try {
                to.add(made.get());
            } catch (NodeRefused removed) {
                return; // the directory is on its way out
            }
        }
    }

    private KernfsDirectory poolDirectory(String pool) {
        return new KernfsDirectory(
                fileName(pool),
                ofPool(pool, "cpu", PoolView::processor),
                ofPool(pool, "nice", PoolView::nice),
                ofPool(pool, "workers", PoolView::workers),
                ofPool(pool, "idle", PoolView::idle),
                ofPool(pool, "running", PoolView::running),
                ofPool(pool, "waiting", PoolView::waiting),
                ofPool(pool, "managing", view -> view.managing() ? 1 : 0),
                ofPool(pool, "maydays", PoolView::maydays),
                ofPool(pool, "failures", PoolView::failures),
                ofPool(pool, "stuck_ms", view -> view.stuckNanos() / NANOS_PER_MILLI));
    }

    private KernfsDirectory queueDirectory(String queue) {
        return new KernfsDirectory(
                fileName(queue),
                ofQueue(queue, "flags", WorkqueueAttributes::flags),
                ofQueue(queue, "max_active", QueueView::maxActive),
                ofQueue(queue, "min_active", QueueView::minActive),
                ofQueue(queue, "active", view -> sum(view, JointView::active)),
                ofQueue(queue, "inactive", view -> sum(view, JointView::inactive)),
                ofQueue(queue, "in_flight", view -> sum(view, JointView::inFlight)),
                ofQueue(queue, "rescuer", view -> view.rescuer() ? 1 : 0),
                ofQueue(queue, "rescued", QueueView::rescued),
                ofQueue(queue, "draining", view -> view.draining() ? 1 : 0),
                ofQueue(queue, "frozen", view -> view.frozen() ? 1 : 0),
                ofQueue(queue, "flushes", QueueView::flushes),
                ofQueue(queue, "waits_for", view -> names(view.waits().mayWaitFor())),
                ofQueue(queue, "needed_by", view -> names(view.waits().neededInReclaimBy())));
    }

    private static String flags(QueueView queue) {
        Set<String> words = new TreeSet<>();
        for (WorkqueueFlag flag : queue.flags()) {
            words.add(flag.name().toLowerCase(Locale.ROOT));
        }
        return String.join(" ", words);
    }

    private static String names(Set<String> of) {
        return String.join(", ", new TreeSet<>(of));
    }

    private static int sum(QueueView queue, Function<JointView, Integer> count) {
        int sum = 0;
        for (JointView joint : queue.joints()) {
            sum += count.apply(joint);
        }
        return sum;
    }

    private KernfsAttribute ofPool(String pool, String name, Function<PoolView, Object> value) {
        return KernfsAttribute.readOnly(name, out -> {
            for (PoolView view : picture.get().pools()) {
                if (view.name().equals(pool)) {
                    return show(out, value.apply(view));
                }
            }
            return GONE;
        });
    }

    private KernfsAttribute ofQueue(String queue, String name, Function<QueueView, Object> value) {
        return KernfsAttribute.readOnly(name, out -> {
            for (QueueView view : picture.get().queues()) {
                if (view.name().equals(queue)) {
                    return show(out, value.apply(view));
                }
            }
            return GONE;
        });
    }

    private static Outcome show(AttributeText out, @Nullable Object value) {
        return out.append(String.valueOf(value)).line();
    }
}
