package redoubt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.Disk;
import redoubt.assembly.KnownSerial;
import redoubt.assembly.ScannedDisk;
import redoubt.base.Clock;
import redoubt.control.EventRing;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsTree;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Outcome;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayView;
import redoubt.md.Member;
import redoubt.metadata.Printable;
import redoubt.metadata.VolumePicture;

/**
 * The tree of a process that serves, in the shape that tools know from {@code /sys} and {@code /proc}:
 *
 * <pre>
 * block/NAME/md/...     each volume, as under /sys/block
 * mdstat                all of them, as /proc/mdstat
 * events                what happened, newest last
 * volumes/              where serve --mount shows the arrays as files; else not there
 * workqueue/...         the workqueues of this process and their pools, see WorkqueueAttributes
 * serve/pid, uris       who serves, and where clients reach it
 * serve/stop            1 asks it to stop
 * serve/state           serving, stopping, then how it ended
 * serve/health          what is measured in this process: a name and a value on each line
 * serve/not_promised    which parts of the promise that a write makes progress do not hold here: a sentence on each line
 * </pre>
 */
final class ServedTree {

    static final String STOP = "serve/stop";
    static final String STATE = "serve/state";
    static final String PID = "serve/pid";
    static final String HEALTH = "serve/health";
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
     * @param stop called, on the control server's thread, when somebody asks the process to stop; must not wait
     */
    ServedTree(AssembledContainer container, ServedQueues queues, Runnable stop) {
        tree = new KernfsTree(queues.forTree());
        KernfsDirectory root = tree.root();
        List<ArrayAttributes> arrays = new ArrayList<>();
        List<KernfsDirectory> directories = new ArrayList<>();
        for (AssembledContainer.Volume volume : container.volumes()) {
            ArrayAttributes attributes = new ArrayAttributes(
                    Served.nodeName(volume.name()), volume.array(), facts(container, volume), this::inUse);
            arrays.add(attributes);
            directories.add(attributes.directory());
            volume.array().addListener(new EventLog(volume.name()));
        }
        redoubt.md.Mdstat mdstat = new redoubt.md.Mdstat(arrays);
        container.volumes().forEach(volume -> volume.array().addListener(mdstat));
        try {
            root.add(new KernfsDirectory("block", directories.toArray(KernfsDirectory[]::new)));
            root.add(mdstat.attribute());
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

    private static ArrayAttributes.Facts facts(AssembledContainer container, AssembledContainer.Volume volume) {
        VolumePicture picture = volume.found().picture();
        List<ArrayAttributes.@Nullable MemberFacts> members = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int slot = 0; slot < volume.array().view().slots(); slot++) {
            Member member = volume.array().view().occupant(slot);
            members.add(member == null ? null : memberFacts(container, member, names));
        }
        boolean chunked = !volume.array().traits().level().word().equals("raid1");
        return new ArrayAttributes.Facts(
                container.picture().format(),
                picture.uuid().colonForm(),
                picture.layout(),
                chunked ? picture.chunkBytes() : 0,
                members);
    }

    /** A disk is called after its file; two files of one name are told apart by the slot. */
    private static ArrayAttributes.MemberFacts memberFacts(
            AssembledContainer container, Member member, Set<String> names) {
        String path = member.name();
        String name = Served.nodeName(path.substring(path.lastIndexOf('/') + 1));
        if (!names.add(name)) {
            name = name + "~" + member.slot();
            names.add(name);
        }
        Optional<String> serial = container.scan().disks().stream()
                .filter(disk -> disk.disk().location().equals(path))
                .findFirst()
                .flatMap(ScannedDisk::serial)
                .map(KnownSerial::text);
        return new ArrayAttributes.MemberFacts(
                name, Console.printable(absolute(path)), Printable.of(serial.orElse("")));
    }

    /** Who asks where a member is may stand somewhere else. */
    private static String absolute(String path) {
        return Disk.at(path).isUri()
                ? path
                : Path.of(path).toAbsolutePath().normalize().toString();
    }
}
