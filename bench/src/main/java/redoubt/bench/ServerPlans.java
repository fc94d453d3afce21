package redoubt.bench;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Every server that is compared: Redoubt at each level, and the peers. */
final class ServerPlans {

    static final String NBDKIT_FILE = "nbdkit-file";
    static final String QEMU_QUORUM = "qemu-quorum";

    /** Room on each member for metadata. */
    private static final long METADATA_BYTES = 8 << 20;

    private final Path root;
    private final Path directory;
    private final long sizeBytes;

    /**
     * Plans servers.
     *
     * @param root the checkout, where {@code ./redoubt} is
     * @param directory where members and sockets are to be, on tmpfs
     * @param sizeBytes what each server serves at least
     */
    ServerPlans(Path root, Path directory, long sizeBytes) {
        this.root = root;
        this.directory = directory;
        this.sizeBytes = sizeBytes;
    }

    /** All of them, ours first. */
    List<ServerPlan> all() {
        return List.of(
                array("raid0", "RAID0 of 2", "0", 2, 2),
                array("raid1", "RAID1 of 2", "1", 2, 1),
                array("raid10", "RAID10 of 4", "10", 4, 2),
                array("raid5", "RAID5 of 4", "5", 4, 3),
                oneFile(),
                nbdkit(NBDKIT_FILE, "nbdkit file", false),
                nbdkit("nbdkit-memory", "nbdkit memory", true),
                qemuRaw(),
                qemuQuorum());
    }

    private Path socket(String id) {
        return directory.resolve(id + ".sock");
    }

    private ServerPlan array(String id, String title, String level, int members, int dataMembers) {
        long memberBytes = Math.ceilDiv(Math.ceilDiv(sizeBytes, dataMembers), 1 << 20) * (1L << 20) + METADATA_BYTES;
        List<ServerPlan.Member> files = new ArrayList<>();
        List<String> disks = new ArrayList<>();
        for (int i = 0; i < members; i++) {
            Path path = directory.resolve(id + "." + i);
            files.add(new ServerPlan.Member(path, memberBytes));
            disks.add(path + ",serial=BENCH-" + id.toUpperCase(java.util.Locale.ROOT) + "-" + i);
        }
        String redoubt = root.resolve("redoubt").toString();
        List<String> create = new ArrayList<>(
                List.of(redoubt, "create", id, "--metadata", "imsm", "--level", level, "--assume-clean", "--yes"));
        create.addAll(disks);
        List<String> serve = new ArrayList<>(List.of(
                redoubt,
                "serve",
                "--listen",
                "unix:" + socket(id),
                "--control",
                directory.resolve(id + ".control").toString()));
        serve.addAll(disks);
        return new ServerPlan(id, title, files, List.of(create), serve, socket(id), false);
    }

    /** Our NBD server over our file device, with no array between: what the levels cost is the difference. */
    private ServerPlan oneFile() {
        String id = "one-file";
        Path file = directory.resolve(id + ".raw");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ServePlain.FLAGS);
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(ServePlain.class.getName());
        command.addAll(List.of(socket(id).toString(), "file", file.toString()));
        return new ServerPlan(
                id,
                "one file, no array",
                List.of(new ServerPlan.Member(file, sizeBytes)),
                List.of(),
                command,
                socket(id),
                false);
    }

    private ServerPlan nbdkit(String id, String title, boolean inMemory) {
        List<String> command = new ArrayList<>(List.of(
                "nbdkit",
                "--foreground",
                "--exit-with-parent",
                "--unix",
                socket(id).toString()));
        if (inMemory) {
            command.addAll(List.of("memory", "size=" + sizeBytes));
            return new ServerPlan(id, title, List.of(), List.of(), command, socket(id), true);
        }
        Path file = directory.resolve(id + ".raw");
        command.addAll(List.of("file", "file=" + file));
        return new ServerPlan(
                id, title, List.of(new ServerPlan.Member(file, sizeBytes)), List.of(), command, socket(id), false);
    }

    private List<String> qemu(String id) {
        return new ArrayList<>(
                List.of("qemu-nbd", "--persistent", "--shared=16", "--cache=writeback", "--socket=" + socket(id)));
    }

    private ServerPlan qemuRaw() {
        String id = "qemu-raw";
        Path file = directory.resolve(id + ".raw");
        List<String> command = qemu(id);
        command.addAll(List.of("--format=raw", file.toString()));
        return new ServerPlan(
                id,
                "qemu-nbd raw",
                List.of(new ServerPlan.Member(file, sizeBytes)),
                List.of(),
                command,
                socket(id),
                false);
    }

    private ServerPlan qemuQuorum() {
        String id = QEMU_QUORUM;
        List<ServerPlan.Member> files = new ArrayList<>();
        StringBuilder options = new StringBuilder("driver=quorum,vote-threshold=1,read-pattern=fifo");
        for (int i = 0; i < 2; i++) {
            Path file = directory.resolve(id + "." + i);
            files.add(new ServerPlan.Member(file, sizeBytes));
            options.append(",children.%d.driver=raw,children.%d.file.driver=file,children.%d.file.filename=%s"
                    .formatted(i, i, i, file));
        }
        List<String> command = qemu(id);
        command.addAll(List.of("--image-opts", options.toString()));
        return new ServerPlan(id, "qemu-nbd quorum of 2", files, List.of(), command, socket(id), false);
    }
}
