package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.AssembledContainer;
import redoubt.base.Clock;
import redoubt.control.EventRing;
import redoubt.keeper.ExternalKeeper;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Outcome;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayView;

/**
 * The tree of a process that serves, in the shape that tools know from {@code /sys} and {@code /proc}:
 *
 * <pre>
 * block/NAME/md/...     each volume, as under /sys/block, with a link md126 for the first, md125 for the second; where a daemon keeps the
 *                       metadata these are the directories, and NAME is the link
 * block/md127           the container, where a daemon keeps the metadata
 * daemons/...           daemons that keep it; see DaemonTrees
 * mdstat                all of them, as /proc/mdstat
 * events                what happened, newest last
 * volumes/              where serve --mount shows the arrays as files; else not there
 * doors/                where serve --mount shows the doors of daemons as files; else not there
 * workqueue/...         the workqueues of this process and their pools, see WorkqueueAttributes
 * serve/pid, uris       who serves, and where clients reach it
 * serve/stop            1 asks it to stop
 * serve/state           serving, stopping, then how it ended
 * serve/health          what is measured in this process: a name and a value on each line
 * serve/unsafe          why a write might wait for memory here: a sentence on each line, none where it is safe
 * serve/not_promised    which parts of the promise that a write makes progress do not hold here: a sentence on each line
 * </pre>
 */
final class ServedTree {

    static final String STOP = "serve/stop";
    static final String STATE = "serve/state";
    static final String PID = "serve/pid";
    static final String URIS = "serve/uris";
    static final String HEALTH = "serve/health";
    static final String UNSAFE = "serve/unsafe";
    static final String NOT_PROMISED = "serve/not_promised";
    static final String SERVING = "serving";
    static final String STOPPING = "stopping";
    static final String STOPPED = "stopped";
    static final String STOPPED_DIRTY = "stopped-dirty";

    /** All is recorded and durable, and what was not known to agree when serving began, or since, is not known to agree now. */
    static final String STOPPED_UNSURE = "stopped-unsure";

    private final KernfsTree tree;
    private final EventRing events = new EventRing(Clock.system());
    private final KernfsAttribute state =
            KernfsAttribute.readOnly("state", out -> out.append(word()).line());
    private volatile String word = SERVING;
    private volatile List<String> uris = List.of();
    private volatile @Nullable IntSupplier clients;
    private volatile @Nullable Health health;

    /**
     * Builds the tree.
     *
     * @param queues what the tree's subscribers are told from, and what is shown of it
     * @param doors told when a daemon comes that is to keep the metadata, and when it is gone
     * @param stop called, on the control server's thread, when somebody asks the process to stop; must not wait
     */
    ServedTree(AssembledContainer container, ServedQueues queues, List<DaemonTrees.Doors> doors, Runnable stop) {
        tree = new KernfsTree(queues.forTree());
        KernfsDirectory root = tree.root();
        TreeShape shape = new TreeShape(container, this::inUse);
        List<ArrayAttributes> arrays = new ArrayList<>();
        for (AssembledContainer.Volume volume : container.volumes()) {
            arrays.add(shape.array(volume, shape.onlooker(volume), List.of()));
            volume.array().addListener(new EventLog(volume.name()));
        }
        try {
            root.add(new KernfsDirectory("block", shape.block(arrays, List.of()).toArray(KernfsNode[]::new)));
            root.add(shape.mdstat(arrays, List.of()).attribute());
            Optional<ExternalKeeper> outside = container.external();
            if (outside.isPresent()) {
                root.add(new DaemonTrees(container, outside.get(), shape, doors).directory());
            }
            root.add(events.attribute());
            root.add(queues.attributes(container.queue()));
            root.add(new KernfsDirectory(
                    "serve",
                    state,
                    KernfsAttribute.readOnly(
                            "pid",
                            out -> out.append(ProcessHandle.current().pid()).line()),
                    KernfsAttribute.readOnly(
                            "uris", out -> out.append(String.join("\n", uris())).line()),
                    KernfsAttribute.readOnly("health", this::showHealth),
                    KernfsAttribute.readOnly("unsafe", this::showUnsafe),
                    KernfsAttribute.readOnly("not_promised", this::showNotPromised),
                    KernfsAttribute.writeOnly("stop", value -> {
                        stop.run();
                        return Outcome.OK;
                    })));
        } catch (NodeRefused impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    KernfsDirectory root() {
        return tree.root();
    }

    /** The tree, for who mounts it. */
    KernfsTree tree() {
        return tree;
    }

    private String word() {
        return word;
    }

    private List<String> uris() {
        return uris;
    }

    private Outcome showHealth(AttributeText out) {
        Health measured = health;
        if (measured != null) {
            measured.measured()
                    .forEach((name, value) ->
                            out.append(name).append(' ').append(value).append('\n'));
        }
        return Outcome.OK;
    }

    private Outcome showUnsafe(AttributeText out) {
        Health measured = health;
        if (measured != null) {
            measured.unsafe().forEach(sentence -> out.append(sentence).append('\n'));
        }
        return Outcome.OK;
    }

    private Outcome showNotPromised(AttributeText out) {
        Health measured = health;
        if (measured != null) {
            measured.notPromised().forEach(sentence -> out.append(sentence).append('\n'));
        }
        return Outcome.OK;
    }

    /**
     * Who serves the volumes.
     *
     * @param where clients reach them
     * @param connected how many clients there are at the moment
     * @param measured how the process stands by its promise
     */
    void serves(List<String> where, IntSupplier connected, Health measured) {
        uris = List.copyOf(where);
        clients = connected;
        health = measured;
    }

    /** Clients learn once, when they come, whether they may write; which volume each has is not asked. */
    private boolean inUse() {
        IntSupplier connected = clients;
        return connected != null && connected.getAsInt() > 0;
    }

    /** Says how the process is. */
    void enter(String newWord) {
        word = newWord;
        state.notifyChange();
    }

    /** Puts what happens to an array into the ring. */
    private final class EventLog implements ArrayListener {
        private final String array;

        private EventLog(String array) {
            this.array = array;
        }

        @Override
        public void viewChanged(ArrayView before, ArrayView after) {
            // Attributes tell of that.
        }

        @Override
        public void event(String what, String member) {
            events.record(what, array, member);
        }
    }
}
