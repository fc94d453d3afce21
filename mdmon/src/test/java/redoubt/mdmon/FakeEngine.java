package redoubt.mdmon;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import redoubt.block.BlockDevice;
import redoubt.block.BlockLimits;
import redoubt.block.IoOperation;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;
import redoubt.block.MemoryDevice;
import redoubt.control.Attributes;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.NodeRefused;
import redoubt.kernfs.Outcome;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;
import redoubt.metadata.imsm.ImsmFormat;
import redoubt.testkit.Asker;
import redoubt.testkit.TreeAttributes;

/**
 * What a daemon meets, made by hand: a tree in which the test sets every value, doors over memory, and one list of everything that was done to
 * either, in order. Two mirrors on two disks, or one.
 */
final class FakeEngine implements Mdmon.Engine {

    static final String NAME = "4711.1";
    static final ImsmFormat FORMAT = new ImsmFormat();

    private static final int DISKS = 2;
    private static final int DISK_BYTES = 16 << 20;
    private static final String ROOT = "daemons/" + NAME + "/";

    final List<String> did = Collections.synchronizedList(new ArrayList<>());
    final KernfsDirectory tree = KernfsDirectory.root();
    private final List<Door> doors = new ArrayList<>();
    private final Map<String, Value> values = new HashMap<>();
    private volatile boolean closed;

    /** An attribute that says what it is told to. */
    static final class Value {
        private volatile String text;
        private volatile @Nullable Errno refusal;
        private @Nullable KernfsAttribute attribute;

        private Value(String text) {
            this.text = text;
        }
    }

    FakeEngine(int volumes) throws Exception {
        List<NewDisk> fresh = new ArrayList<>();
        List<OptionalInt> places = new ArrayList<>();
        for (int disk = 0; disk < DISKS; disk++) {
            fresh.add(new NewDisk(disk, geometry(), "S" + disk, 0));
            places.add(OptionalInt.of(disk));
            doors.add(new Door(disk));
        }
        ContainerMetadata container = FORMAT.create(fresh);
        for (int volume = 0; volume < volumes; volume++) {
            VolumePlan plan = new VolumePlan(
                    "v" + volume,
                    RaidLevel.RAID1,
                    OptionalInt.empty(),
                    OptionalLong.of(2048),
                    places,
                    ConsistencyPolicy.NONE,
                    true);
            container = FORMAT.addVolume(container, plan, new MetadataEvent.Seeds(7, Optional.of(1_700_000_000L)));
        }
        for (WriteRound.MemberWrites writes : container.write(Optional.empty()).members()) {
            try (Asker asker = new Asker(doors.get(writes.disk()).memory)) {
                for (WriteRound.Step step : writes.steps()) {
                    if (step instanceof WriteRound.Step.Put(long offset, var bytes)) {
                        asker.write(offset, bytes.toArray());
                    }
                }
            }
        }
        plant(volumes);
    }

    private static DiskGeometry geometry() {
        return new DiskGeometry(DISK_BYTES, 512);
    }

    private void plant(int volumes) throws NodeRefused {
        List<KernfsNode> block = new ArrayList<>();
        List<KernfsNode> container =
                new ArrayList<>(List.of(attribute("block/md127/md/metadata_version", "external:imsm")));
        for (int disk = 0; disk < DISKS; disk++) {
            String name = "nvme" + disk + "n1";
            block.add(new KernfsDirectory(
                    name, new KernfsDirectory("device", attribute("block/" + name + "/device/serial", "S" + disk))));
        }
        block.add(new KernfsDirectory("md127", new KernfsDirectory("md", container.toArray(KernfsNode[]::new))));
        StringBuilder mdstat = new StringBuilder("Personalities : [raid1]\n");
        for (int volume = 0; volume < volumes; volume++) {
            String name = "md" + (126 - volume);
            String md = "block/" + name + "/md";
            List<KernfsNode> nodes = new ArrayList<>();
            Map<String, String> facts = new java.util.TreeMap<>(Map.of(
                    "array_state", "readonly",
                    "metadata_version", "external:/md127/" + volume,
                    "sync_action", "idle",
                    "sync_completed", "none",
                    "resync_start", "none",
                    "safe_mode_delay", "0.200"));
            facts.forEach((what, value) -> nodes.add(attribute(md + "/" + what, value)));
            for (int disk = 0; disk < DISKS; disk++) {
                String device = md + "/dev-sd" + (char) ('a' + disk);
                nodes.add(new KernfsDirectory(
                        name(device),
                        attribute(device + "/state", "in_sync,external_bbl"),
                        attribute(device + "/slot", Integer.toString(disk)),
                        attribute(device + "/serial", "S" + disk),
                        attribute(device + "/bad_blocks", ""),
                        attribute(device + "/unacknowledged_bad_blocks", "")));
            }
            block.add(new KernfsDirectory(name, new KernfsDirectory("md", nodes.toArray(KernfsNode[]::new))));
            mdstat.append(name)
                    .append(" : active (read-only) raid1 sdb[1] sda[0]\n      1024 blocks super external:/md127/")
                    .append(volume)
                    .append(" [2/2] [UU]\n      \n");
        }
        mdstat.append("md127 : inactive sdb[1](S) sda[0](S)\n      100 blocks super external:imsm\n       \n");
        mdstat.append("unused devices: <none>");
        tree.add(new KernfsDirectory(
                "daemons",
                KernfsAttribute.writeOnly("enter", value -> {
                    did.add("enter " + value.text());
                    return Outcome.OK;
                }),
                new KernfsDirectory(
                        NAME,
                        attribute("standing", "current"),
                        attribute("leave", ""),
                        attribute("mdstat", mdstat.toString()),
                        new KernfsDirectory("block", block.toArray(KernfsNode[]::new)))));
    }

    private static String name(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private KernfsAttribute attribute(String path, String text) {
        Value value = new Value(text);
        values.put(path, value);
        KernfsAttribute attribute = KernfsAttribute.readWrite(
                name(path),
                out -> closed
                        ? Outcome.refused(Errno.ENODEV, "the engine ended")
                        : out.append(value.text).line(),
                stored -> {
                    Errno refusal = value.refusal;
                    did.add((refusal == null ? "store " : "refused ") + path + " " + stored.text());
                    if (refusal != null) {
                        return Outcome.refused(refusal, "the test says so");
                    }
                    return Outcome.OK;
                });
        value.attribute = attribute;
        return attribute;
    }

    /** The attribute says this from now on, and tells of it. */
    void set(String path, String text) {
        Value value = value(path);
        value.text = text;
        KernfsAttribute attribute = value.attribute;
        if (attribute != null) {
            attribute.notifyChange();
        }
    }

    /** Stores are refused from now on; null takes them again. */
    void refuse(String path, @Nullable Errno errno) {
        value(path).refusal = errno;
    }

    private Value value(String path) {
        Value value = values.get(path);
        if (value == null) {
            throw new IllegalArgumentException("there is no " + path);
        }
        return value;
    }

    /** As when another daemon has come since this one was fenced. */
    void takeTreeAway() throws NodeRefused {
        tree.find("daemons/" + NAME).remove(Long.MAX_VALUE);
    }

    Door door(int disk) {
        return doors.get(disk);
    }

    @Override
    public Attributes attributes() {
        return new TreeAttributes(tree);
    }

    @Override
    public BlockDevice door(String daemon, int disk) {
        return doors.get(disk);
    }

    /** What a disk carries. */
    ContainerPicture picture(int disk) {
        try (Asker asker = new Asker(doors.get(disk).memory)) {
            Finding finding = FORMAT.probe(geometry(), (offset, length) -> asker.read(offset, length));
            return ((Finding.Whole) finding).metadata().picture();
        } catch (redoubt.metadata.ReadFailed impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    VolumePicture volume(int disk, int index) {
        return picture(disk).volumes().get(index);
    }

    /** A monitor of all arrays, for the test's own thread. */
    Monitor monitor(MemberDisks disks, redoubt.base.Clock clock) {
        Monitor monitor = new Monitor(
                attributes(),
                disks,
                disks.load().orElseThrow(),
                ROOT + "standing",
                clock,
                sentence -> did.add("! " + sentence));
        return monitor;
    }

    MemberDisks disks() {
        return new MemberDisks(
                FORMAT,
                List.of(new MemberDisks.Door(door(0), "S0"), new MemberDisks.Door(door(1), "S1")),
                sentence -> did.add("! " + sentence));
    }

    static MemberArray array(int volume) {
        String name = "md" + (126 - volume);
        return new MemberArray(
                name,
                ROOT + "block/" + name + "/md",
                volume,
                true,
                List.of(new MemberArray.Device("sda", 0, "S0"), new MemberArray.Device("sdb", 1, "S1")));
    }

    /** A door over memory that notes what passes, and fails when the test says so. */
    final class Door implements BlockDevice {
        private final int disk;
        private final MemoryDevice memory = new MemoryDevice(DISK_BYTES, 512);
        volatile IoStatus refusal = IoStatus.OK;

        private Door(int disk) {
            this.disk = disk;
        }

        @Override
        public BlockLimits limits() {
            return memory.limits();
        }

        @Override
        public void submit(IoRequest request) {
            if (request.operation() != IoOperation.READ) {
                did.add(request.operation() + " " + disk + (refusal.ok() ? "" : " refused"));
            }
            if (!refusal.ok() && request.operation() != IoOperation.READ) {
                request.complete(refusal);
            } else {
                memory.submit(request);
            }
        }

        @Override
        public void close() {
            did.add("close " + disk);
        }
    }
}
