package redoubt.interop;

import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An array that is served, mounted, and left to a daemon, which can be started, stopped in its tracks, killed and started again. All waits are for
 * conditions; how long they took is measured, and never fails a test unless the limit for hanging passes.
 */
final class DaemonRig implements AutoCloseable {

    /** Whose daemon it is. */
    enum Whose {
        /** mdmon of this machine's mdadm, unmodified. */
        MDADMS,
        /** {@code redoubt mdmon}, over the control socket and NBD. */
        OURS,
        /** {@code redoubt mdmon --mount}. */
        OURS_MOUNTED
    }

    static final Duration LIMIT = Duration.ofSeconds(60);
    static final String CONTAINER = "md127";
    private static final int FIRST_ARRAY = 126; // the next volumes count downwards

    //   the second last sector of a member begins the metadata: 0: signature (32)   ...   44: generation (4)
    private static final int ANCHOR_FROM_END = 1024;
    private static final int GENERATION_AT = 44;
    private static final int SECTOR_BYTES = 512;

    /** Behind all data: IMSM leaves far more at the end of a disk. */
    private static final int METADATA_BYTES = 64 << 10;

    private static final int PING_BEGIN = 0x5A5AA5A5;
    private static final int PING_END = 0xA5A55A5A;

    private final Scratch scratch;
    private final RedoubtArray array;
    private final RedoubtProcess served;
    private final Path mount;
    private final Whose whose;
    private final List<String> volumes;
    private @Nullable Process daemon;
    private int started;

    private DaemonRig(
            Scratch scratch, RedoubtArray array, List<String> volumes, RedoubtProcess served, Path mount, Whose whose) {
        this.scratch = scratch;
        this.array = array;
        this.volumes = volumes;
        this.served = served;
        this.mount = mount;
        this.whose = whose;
    }

    /** What this needs, or {@link PeerMissing}. */
    static void needsPeers() {
        Peer.require(Peer.MDADM, Peer.MDMON, Peer.LOSETUP);
        Mounts.require();
        if (!Files.exists(Path.of("/dev/loop-control"))) {
            throw new PeerMissing("this needs loop devices (the kernel's module 'loop')");
        }
    }

    /** A new array, served, which waits for a daemon. */
    static DaemonRig start(Scratch scratch, Level level, String deadline, Whose whose) throws IOException {
        RedoubtArray array = RedoubtArray.create(scratch, level, "--assume-clean");
        return start(scratch, array, List.of(RedoubtArray.VOLUME), deadline, whose);
    }

    /** A container with these volumes, served, which waits for a daemon. What is said below of a volume is said of the first, if none is named. */
    static DaemonRig start(Scratch scratch, RedoubtArray array, List<String> volumes, String deadline, Whose whose)
            throws IOException {
        Path mount = Files.createDirectory(scratch.file("mnt"));
        RedoubtProcess served =
                array.serve("--keeper", "external", "--keeper-deadline", deadline, "--mount", mount.toString());
        DaemonRig rig = new DaemonRig(scratch, array, volumes, served, mount, whose);
        Await.until("the mount", LIMIT, () -> Files.exists(mount.resolve("daemons/enter")));
        return rig;
    }

    RedoubtArray array() {
        return array;
    }

    RedoubtProcess served() {
        return served;
    }

    // ---------------------------------------------------------------------------------------------- the tree

    String read(String attribute) {
        try {
            return Files.readString(mount.resolve(attribute)).strip();
        } catch (IOException e) {
            throw new UncheckedIOException(whatIsThere() + ": " + e, e);
        }
    }

    /** For a failure: what is left of the mount. */
    private String whatIsThere() {
        String mounts;
        try {
            mounts = Mounts.at(mount).toString();
        } catch (IOException unknown) {
            mounts = unknown.toString();
        }
        return "served %s, mounts %s, there %s, in block %s"
                .formatted(
                        served.isAlive(),
                        mounts,
                        Arrays.toString(mount.toFile().list()),
                        Arrays.toString(mount.resolve("block").toFile().list()));
    }

    /** What the engine says became of its keeper since, each with its time after that. */
    String keeperEvents(Instant since) {
        return read("events")
                .lines()
                .map(line -> line.split("\t", -1))
                .filter(event -> event.length > 2 && event[2].startsWith("Keeper"))
                .filter(event -> !Instant.parse(event[1]).isBefore(since))
                .map(event -> event[2] + " after "
                        + Duration.between(since, Instant.parse(event[1])).toMillis() + " ms")
                .collect(java.util.stream.Collectors.joining(", "));
    }

    private static String array(int volume) {
        return "block/md%d/md/".formatted(FIRST_ARRAY - volume);
    }

    String md(String attribute) {
        return md(0, attribute);
    }

    String md(int volume, String attribute) {
        return read(array(volume) + attribute);
    }

    void store(String attribute, String value) throws IOException {
        store(0, attribute, value);
    }

    void store(int volume, String attribute, String value) throws IOException {
        Files.writeString(mount.resolve(array(volume) + attribute), value, StandardOpenOption.WRITE);
    }

    void awaitState(String state) {
        awaitState(0, state);
    }

    void awaitState(int volume, String state) {
        Await.until(
                "array_state " + state, LIMIT, () -> md(volume, "array_state").equals(state));
    }

    void awaitStates(String... states) {
        List<String> any = List.of(states);
        Await.until("array_state in " + any, LIMIT, () -> any.contains(md("array_state")));
    }

    boolean has(String attribute) {
        return has(0, attribute);
    }

    boolean has(int volume, String attribute) {
        return Files.exists(mount.resolve(array(volume) + attribute));
    }

    /** Starts to write a file into the array from its beginning; it has ended when it is on the members. */
    Process write(Path content) throws IOException {
        return write(0, content);
    }

    Process write(int volume, Path content) throws IOException {
        return new ProcessBuilder(
                        "dd", "if=" + content, "of=" + file(volume), "bs=256k", "conv=notrunc,fsync", "status=none")
                .redirectError(scratch.file("dd.err").toFile())
                .start();
    }

    /** The first volume's file. */
    Path volume() {
        return file(0);
    }

    long volumeBytes(int volume) throws IOException {
        return Files.size(file(volume));
    }

    /** What clients are given of the first so many bytes. */
    byte[] content(int bytes) throws IOException {
        try (InputStream from = Files.newInputStream(file(0))) {
            return from.readNBytes(bytes);
        }
    }

    private Path file(int volume) {
        return mount.resolve("volumes").resolve(volumes.get(volume));
    }

    // ---------------------------------------------------------------------------------------------- the members

    /** What mdadm finds on a member. */
    MdadmExamine examine(int member) {
        try (LoopDevice loop = LoopDevice.attach(array.images().get(member))) {
            String text = Peer.MDADM
                    .command("--examine", loop.device().toString())
                    .env("IMSM_NO_PLATFORM", "1")
                    .env("IMSM_DEVNAME_AS_SERIAL", "1")
                    .run()
                    .mustSucceed()
                    .out();
            return MdadmExamine.parse(text);
        }
    }

    /** A field of the volume, as each of these members tells it. */
    List<String> volumeField(String field, int... members) {
        return volumeField(0, field, members);
    }

    List<String> volumeField(int volume, String field, int... members) {
        List<String> said = new ArrayList<>();
        for (int member : members) {
            said.add(String.valueOf(examine(member).volumes().get(volume).get(field)));
        }
        return said;
    }

    int[] allMembers() {
        return java.util.stream.IntStream.range(0, array.images().size()).toArray();
    }

    private byte[] anchor(int member) {
        try (RandomAccessFile file =
                new RandomAccessFile(array.images().get(member).toFile(), "r")) {
            byte[] sector = new byte[SECTOR_BYTES];
            file.seek(file.length() - ANCHOR_FROM_END);
            file.readFully(sector);
            return sector;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How new the metadata of a member is. */
    long generation(int member) {
        return ByteBuffer.wrap(anchor(member)).order(ByteOrder.LITTLE_ENDIAN).getInt(GENERATION_AT) & 0xFFFFFFFFL;
    }

    /** All that may be metadata on a member. */
    byte[] metadata(int member) {
        try (RandomAccessFile file =
                new RandomAccessFile(array.images().get(member).toFile(), "r")) {
            byte[] last = new byte[METADATA_BYTES];
            file.seek(file.length() - METADATA_BYTES);
            file.readFully(last);
            return last;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether these members carry the same metadata. */
    boolean agree(List<Integer> members) {
        byte[] first = metadata(members.getFirst());
        return members.stream().allMatch(member -> Arrays.equals(metadata(member), first));
    }

    // ---------------------------------------------------------------------------------------------- the daemon

    /** Starts one and waits until it keeps the metadata. */
    Process startDaemon() throws IOException {
        started++;
        ProcessBuilder builder = new ProcessBuilder(array.redoubt().line(daemonWords()))
                .redirectOutput(scratch.file("mdmon%d.out".formatted(started)).toFile())
                .redirectError(scratch.file("mdmon%d.err".formatted(started)).toFile());
        builder.environment().putAll(array.redoubt().environment());
        Process process = builder.start();
        daemon = process;
        Await.until("the daemon to keep the metadata", LIMIT, () -> {
            if (!process.isAlive()) {
                throw new AssertionError("mdmon ended with %d: %s"
                        .formatted(
                                process.exitValue(), Files.readString(scratch.file("mdmon%d.err".formatted(started)))));
            }
            return standing().equals("current") && monitors();
        });
        return process;
    }

    private List<String> daemonWords() {
        return switch (whose) {
            case MDADMS ->
                List.of("mdmon", "--exec", Peer.MDMON.path().toString(), "--mount", mount.toString(), CONTAINER);
            case OURS -> List.of("mdmon", "--control", served.control().toString(), CONTAINER);
            case OURS_MOUNTED -> List.of("mdmon", "--mount", mount.toString(), CONTAINER);
        };
    }

    /** By the name that begins with its process id. */
    String standing() {
        long pid = pid();
        for (String name : names()) {
            if (name.startsWith(pid + ".")) {
                return read("daemons/" + name + "/standing");
            }
        }
        return "";
    }

    private List<String> names() {
        String[] names = mount.resolve("daemons").toFile().list();
        return names == null ? List.of() : List.of(names);
    }

    long pid() {
        Process process = daemon;
        return process == null ? -1 : process.pid();
    }

    /** Whether its monitor holds the array's files and sleeps. */
    private boolean monitors() {
        if (md("array_state").equals("readonly")) {
            return false;
        }
        return name(monitor()).startsWith("mdmon");
    }

    /** The monitor's thread: with mdadm's the only one beside the manager's. */
    long monitor() {
        return switch (whose) {
            case MDADMS ->
                threads()
                        .filter(thread -> thread != pid())
                        .reduce((before, after) -> after)
                        .orElse(-1);
            case OURS, OURS_MOUNTED -> named("mdmon-monitor", 0);
        };
    }

    /** The thread of our daemon that writes to a disk through its door. */
    long door(int disk) {
        return named(whose == Whose.OURS_MOUNTED ? "lane-" : "nbd-client-door", disk);
    }

    /** By how its name begins. */
    private long named(String beginning, int which) {
        return threads()
                .filter(thread -> name(thread).startsWith(beginning))
                .skip(which)
                .findFirst()
                .orElse(-1);
    }

    /** In the order in which they were started, more or less: numbers come round. */
    private LongStream threads() {
        String[] threads =
                Path.of("/proc", Long.toString(pid()), "task").toFile().list();
        return Stream.of(threads == null ? new String[0] : threads)
                .mapToLong(Long::parseLong)
                .sorted();
    }

    /** As the kernel has it, cut at 15 letters. */
    private static String name(long thread) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(thread), "comm"))
                    .strip();
        } catch (IOException gone) {
            return "";
        }
    }

    boolean isStopped() {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(pid()), "status"));
            return stat.lines().anyMatch(line -> line.matches("State:\\s+T .*"));
        } catch (IOException gone) {
            return false;
        }
    }

    /** Whether it stops or dies within this time, if it is not asleep with all done before. */
    boolean wasStopped(Duration limit) {
        try {
            Await.until("a stop that need not come", limit, () -> isStopped() || !isAlive());
            return true;
        } catch (TimeLimitPassed notStopped) {
            return false;
        }
    }

    /** Whether it is there, runs, and keeps the metadata. */
    boolean isKeeping() {
        return isAlive() && !isStopped() && standing().equals("current");
    }

    boolean isAlive() {
        Process process = daemon;
        return process != null && process.isAlive();
    }

    /** Whoever is late is fenced, and ours ends with that: there may be nobody any more. */
    void signal(String name) {
        Outcome sent = Command.of("kill", "-" + name, Long.toString(pid())).run();
        if (isAlive()) {
            sent.mustSucceed();
        }
    }

    /** Ends it at once, and waits until nothing is left of it. */
    void killDaemon() {
        Process process = daemon;
        if (process != null) {
            process.destroyForcibly();
            Await.until("mdmon is dead", LIMIT, () -> !process.isAlive());
            Await.until("its loop devices are gone", LIMIT, () -> loops().isEmpty());
        }
    }

    /** What losetup says of devices over this rig's doors; one over a volume is no daemon's. */
    String loops() {
        return Peer.LOSETUP
                .command("--list", "--noheadings", "--output", "NAME,BACK-FILE")
                .run()
                .out()
                .lines()
                .filter(line -> line.contains(mount.toString())
                        && !line.contains(file(0).getParent().toString()))
                .collect(java.util.stream.Collectors.joining("\n"));
    }

    /** A fenced daemon goes round once more; ours ends with that. */
    void letItHaveItsTurn() throws IOException {
        switch (whose) {
            case MDADMS -> ping();
            case OURS, OURS_MOUNTED -> Await.until("the fenced daemon ends", LIMIT, () -> !isAlive());
        }
    }

    /** Asks the daemon's own socket, as mdadm does, whether its monitor goes round; answers its version. */
    String ping() throws IOException {
        Path socket = switch (whose) {
            case MDADMS -> Path.of("/proc/%d/root/run/mdadm/%s.sock".formatted(pid(), CONTAINER));
            case OURS -> Path.of(served.control() + ".mdmon", CONTAINER + ".sock");
            case OURS_MOUNTED -> Path.of(mount + ".mdmon", CONTAINER + ".sock");
        };
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(socket));
            ByteBuffer frame = ByteBuffer.allocate(12).order(ByteOrder.nativeOrder());
            channel.write(frame.putInt(PING_BEGIN).putInt(0).putInt(PING_END).flip());
            ByteBuffer header = receive(channel, 8);
            int begin = header.getInt();
            int length = header.getInt();
            String version = StandardCharsets.UTF_8
                    .decode(receive(channel, length))
                    .toString()
                    .replace("\0", "");
            int end = receive(channel, 4).getInt();
            if (begin != PING_BEGIN || end != PING_END) {
                throw new IOException("this is no answer to a ping");
            }
            return version;
        }
    }

    private static ByteBuffer receive(SocketChannel channel, int length) throws IOException {
        ByteBuffer heard = ByteBuffer.allocate(length).order(ByteOrder.nativeOrder());
        while (heard.hasRemaining()) {
            if (channel.read(heard) < 0) {
                throw new IOException("the daemon hung up");
            }
        }
        return heard.flip();
    }

    @Override
    public void close() {
        try {
            killDaemon();
        } finally {
            if (served.isAlive()) {
                served.kill(); // and not its guardian, which unmounts
            }
            Await.until("no mount is left", LIMIT, () -> Mounts.at(mount).isEmpty());
        }
    }
}
