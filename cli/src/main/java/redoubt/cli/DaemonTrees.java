package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import redoubt.assembly.AssembledContainer;
import redoubt.keeper.ExternalKeeper;
import redoubt.keeper.Incarnation;
import redoubt.keeper.Standing;
import redoubt.kernfs.AttributeValue;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Outcome;
import redoubt.md.ArrayAttributes;
import redoubt.md.ArrayListener;
import redoubt.md.ArrayView;
import redoubt.md.Mdstat;

/**
 * Where daemons that keep the metadata come in:
 *
 * <pre>
 * daemons/enter             a daemon stores its name here, such as its pid and the time of its start: one never used before
 * daemons/NAME/standing     newcomer, current or fenced
 * daemons/NAME/doors        where its doors are, as NBD URIs: a line each, in the order of the container's disks
 * daemons/NAME/leave        1 ends it: the engine takes over at once
 * daemons/NAME/block/...    the container and its arrays, as in the tree above; what is stored here is stored in this daemon's name
 * daemons/NAME/block/nvmeKn1   the container's disks, by the numbers of the daemon's doors; see DoorDisks
 * daemons/NAME/mdstat       the same for mdstat
 * </pre>
 *
 * <p>A daemon that was fenced keeps its tree, in which it can read and store nothing, until the next one comes. For control threads; the lock
 * is held while a directory is planted or removed.
 */
final class DaemonTrees implements ArrayListener {

    /** Lets daemons reach the doors of their own, in one way or another. */
    interface Doors {
        /** A daemon has come. */
        void open(Incarnation daemon);

        /** Where it finds them, by disk, if that is to be told. */
        default List<String> uris(Incarnation daemon) {
            return List.of();
        }

        /** A daemon is gone for good. */
        void shut(Incarnation daemon);
    }

    /** What is planted for one daemon. */
    record Planted(
            Incarnation daemon,
            KernfsDirectory directory,
            KernfsAttribute standing,
            List<ArrayAttributes> arrays,
            Mdstat mdstat) {}

    private static final int DOORS_BYTES = 32 << 10;
    private static final long REMOVAL_LIMIT_NANOS = 1_000_000_000L;
    private static final Outcome NOT_A_NAME = Outcome.refused(
            Errno.EINVAL, "a daemon's name has 1 to 64 letters, digits or any of ._+:@~-, such as 4711.1764000000");
    private static final Outcome NOT_NEW =
            Outcome.refused(Errno.EEXIST, "a daemon of this name was here before, or too many are; take another name");

    private final AssembledContainer container;
    private final ExternalKeeper keeper;
    private final TreeShape shape;
    private final List<Doors> doors;
    private final ReentrantLock lock = new ReentrantLock();
    private final List<Planted> planted = new ArrayList<>(); // under the lock
    private volatile List<KernfsAttribute> standings = List.of(); // V
    private final KernfsDirectory directory =
            new KernfsDirectory("daemons", KernfsAttribute.writeOnly("enter", this::enter));

    DaemonTrees(AssembledContainer container, ExternalKeeper keeper, TreeShape shape, List<Doors> doors) {
        this.container = container;
        this.keeper = keeper;
        this.shape = shape;
        this.doors = List.copyOf(doors);
        container.volumes().getFirst().array().addListener(this);
    }

    KernfsDirectory directory() {
        return directory;
    }

    private Outcome enter(AttributeValue value) {
        String name = value.text();
        if (name.length() > 64 || name.equals("enter") || name.startsWith(".") || !name.equals(Served.nodeName(name))) {
            return NOT_A_NAME;
        }
        lock.lock();
        try {
            removeFenced();
            Incarnation daemon = keeper.enter(name);
            Planted tree = plant(daemon);
            planted.add(tree);
            directory.add(tree.directory());
            standings = planted.stream().map(Planted::standing).toList();
            doors.forEach(each -> each.open(daemon));
            return Outcome.OK;
        } catch (ExternalKeeper.Refused | NodeRefused refused) {
            return NOT_NEW;
        } finally {
            lock.unlock();
        }
    }

    private Planted plant(Incarnation daemon) {
        List<KernfsDirectory> disks = DoorDisks.of(container);
        List<ArrayAttributes> arrays = new ArrayList<>();
        for (AssembledContainer.Volume volume : container.volumes()) {
            arrays.add(
                    shape.array(volume, daemon.stores(volume.found().picture().index()), disks));
        }
        Mdstat mdstat = shape.mdstat(arrays, disks);
        KernfsAttribute standing = KernfsAttribute.readOnly(
                "standing", out -> out.append(daemon.standing().word()).line());
        KernfsDirectory tree = new KernfsDirectory(
                daemon.name(),
                standing,
                KernfsAttribute.large("doors", DOORS_BYTES, out -> {
                    doors.forEach(each ->
                            each.uris(daemon).forEach(uri -> out.append(uri).line()));
                    return Outcome.OK;
                }),
                KernfsAttribute.writeOnly("leave", value -> {
                    daemon.leave();
                    return Outcome.OK;
                }),
                new KernfsDirectory("block", shape.block(arrays, disks).toArray(KernfsNode[]::new)),
                mdstat.attribute());
        return new Planted(daemon, tree, standing, arrays, mdstat);
    }

    private void removeFenced() {
        for (Planted each : List.copyOf(planted)) {
            if (each.daemon().standing() == Standing.FENCED) {
                planted.remove(each);
                each.directory().remove(REMOVAL_LIMIT_NANOS);
                each.arrays().forEach(ArrayAttributes::forget);
                container.volumes().forEach(volume -> volume.array().removeListener(each.mdstat()));
                doors.forEach(all -> all.shut(each.daemon()));
            }
        }
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        // The trees listen for themselves.
    }

    @Override
    public void event(String word, String member) {
        if (word.startsWith("Keeper")) {
            standings.forEach(KernfsAttribute::notifyChange);
        }
    }
}
