package redoubt.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import redoubt.fuse.FuseMount;

/**
 * A daemon that knows the kernel's md and nothing of Redoubt, over a mounted tree. It is shown what it looks for at the places where it looks:
 *
 * <pre>
 * /sys/block              the daemon's own tree: DIR/daemons/NAME/block
 * /sys/dev/block/M:N      links to the disks and the container in it
 * /proc/mdstat            DIR/daemons/NAME/mdstat; the rest of /proc is there as links
 * /dev                    empty but for null, zero, full, random and urandom: the daemon makes the nodes that it opens
 * /run/mdadm              empty, for its pid and its socket
 * </pre>
 *
 * <p>The disks are loop devices over its doors; the container is a loop device over nothing, since the daemon opens it and never reads from it.
 *
 * <p><b>Nothing is left behind.</b> This process becomes the daemon: same process id, so every signal is the daemon's own, and nobody stands
 * beside it who could die alone. Mounts and devices are held by that process only, and go with it however it ends; then its doors are
 * closed, by which the server knows that it has left.
 */
final class ForeignMdmon {

    private static final String HERE_BLOCK = "/sys/block";
    private static final String HERE_NUMBERS = "/sys/dev/block";
    private static final String PROC = "/proc";
    private static final String KERNELS_PROC = HERE_NUMBERS + "/.proc";
    private static final String TMPFS = "tmpfs";
    private static final long CONTAINER_BYTES = 1 << 20;
    private static final int SECTOR_BYTES = 512;

    private final List<Integer> open = new ArrayList<>();
    private final Path program;
    private final Path tree;
    private final String container;

    private ForeignMdmon(Path program, Path tree, String container) {
        this.program = program;
        this.tree = tree;
        this.container = container;
    }

    /**
     * Becomes the daemon; returns only by throwing.
     *
     * @param program the daemon's program
     * @param mount where {@code serve --keeper external --mount} shows its tree
     * @param container what the container is called there
     */
    static Refused become(Path program, Path mount, String container) throws Refused, IOException {
        if (SystemCalls.user() != 0) {
            throw new Refused(
                    ExitCode.IO,
                    "only root can run '" + program + "', for it opens block devices and is shown other files");
        }
        if (!Files.isExecutable(program)) {
            throw new Refused(ExitCode.IO, "'" + program + "' is no program");
        }
        ForeignMdmon daemon = new ForeignMdmon(program.toRealPath(), mount.toAbsolutePath(), container);
        daemon.check();
        return daemon.run();
    }

    /** Whether somebody serves there who lets daemons in. */
    static void checkMount(Path tree) throws Refused {
        boolean there = Files.isDirectory(tree.resolve(FuseMount.DOORS)) && Files.exists(tree.resolve("daemons/enter"));
        if (!there) {
            throw new Refused(
                    ExitCode.TRY_AGAIN,
                    "no array waits for a daemon in '" + tree
                            + "'; start it as root with 'redoubt serve --keeper external --mount DIR'");
        }
    }

    private void check() throws Refused {
        Path md = tree.resolve("block").resolve(container).resolve("md");
        checkMount(tree);
        boolean isContainer = !container.contains("/")
                && read(md.resolve("metadata_version")).startsWith("external:")
                && read(md.resolve("level")).isEmpty();
        if (!isContainer) {
            throw new Refused(
                    ExitCode.USAGE, "'" + container + "' is no container in '" + tree + "'; its name there is md127");
        }
    }

    private static String read(Path attribute) {
        try {
            return Files.readString(attribute).strip();
        } catch (IOException absent) {
            return "";
        }
    }

    private Refused run() throws IOException {
        long pid = ProcessHandle.current().pid();
        long since = ProcessHandle.current()
                .info()
                .startInstant()
                .orElseGet(Instant::now)
                .getEpochSecond();
        String name = pid + "." + since;
        Path daemons = tree.resolve("daemons");
        List<String> before = names(daemons);
        store(daemons.resolve("enter"), name);
        Path own = daemons.resolve(name);
        try {
            forget(daemons, before);
            return become(name, own, pid);
        } finally {
            // Only where it has not become the daemon. At its doors it would be missed, but it may have none.
            leave(own);
        }
    }

    private static void leave(Path own) {
        try {
            store(own.resolve("leave"), "1");
        } catch (IOException gone) {
            return; // with the mount, or behind what was put over it: then this process ends, and its doors are closed
        }
    }

    private Refused become(String name, Path own, long pid) throws IOException {
        Map<String, String> devices = devices(name, own.resolve("block"));
        SystemCalls.leaveMountNamespace();
        show(own, devices, pid);
        SystemCalls.handOver(open);
        // It forks unless it is told to stay, and looks for Intel's controller unless it is told that there is none.
        List<String> words = List.of(program.toString(), "--foreground", container);
        Libc.replaceProcess(program.toString(), words, Map.of("IMSM_NO_PLATFORM", "1"));
        return new Refused(ExitCode.IO, "'" + program + "' cannot be run");
    }

    /** What is in a directory. */
    static List<String> names(Path directory) {
        String[] names = directory.toFile().list();
        return names == null ? List.of() : List.of(names);
    }

    /**
     * Whoever enters takes the trees of daemons that are gone away. The kernel remembers every attribute of them until somebody asks for such a tree and
     * hears that there is none, and the server has room for so many only. It must not ask itself: whoever waits for his own mount cannot be killed.
     */
    static void forget(Path daemons, List<String> before) {
        for (String name : before) {
            Files.exists(daemons.resolve(name));
        }
    }

    /** Makes the block devices and tells the tree their numbers; answers what each is called, by number. */
    private Map<String, String> devices(String daemon, Path block) throws IOException {
        Map<String, String> names = new LinkedHashMap<>();
        List<Integer> doors = new ArrayList<>();
        for (int disk = 0; Files.isDirectory(block.resolve(DoorDisks.name(disk))); disk++) {
            Path door = tree.resolve(FuseMount.DOORS).resolve(DoorFiles.name(daemon, disk));
            Path shown = block.resolve(DoorDisks.name(disk));
            int blockBytes = Integer.parseInt(read(shown.resolve("queue/logical_block_size")));
            int file = SystemCalls.open(door.toString(), SystemCalls.O_RDWR | SystemCalls.O_CLOEXEC);
            doors.add(file);
            tell(shown, LoopDevice.over(file, door.toString(), blockBytes, true), names);
        }
        int nothing = SystemCalls.memoryFile(container, CONTAINER_BYTES);
        tell(block.resolve(container), LoopDevice.over(nothing, container, SECTOR_BYTES, false), names);
        SystemCalls.close(nothing);
        for (int file : doors) {
            SystemCalls.close(file);
        }
        return names;
    }

    private void tell(Path shown, LoopDevice device, Map<String, String> names) throws IOException {
        open.add(device.descriptor());
        store(shown.resolve("dev"), device.number());
        names.put(device.number(), shown.getFileName().toString());
    }

    private static void store(Path attribute, String value) throws IOException {
        try {
            Files.write(attribute, value.getBytes(StandardCharsets.UTF_8), StandardOpenOption.WRITE);
        } catch (IOException refused) {
            throw new IOException(
                    "'" + attribute + "' does not take '" + value + "': " + refused.getMessage(), refused);
        }
    }

    private static void show(Path own, Map<String, String> devices, long pid) throws IOException {
        bind(own.resolve("block").toString(), HERE_BLOCK);
        empty(HERE_NUMBERS);
        for (Map.Entry<String, String> device : devices.entrySet()) {
            Files.createSymbolicLink(Path.of(HERE_NUMBERS, device.getKey()), Path.of("../../block", device.getValue()));
        }
        showProc(own.resolve("mdstat"), pid);
        empty("/dev");
        SystemCalls.characterDevice("/dev/null", 1, 3);
        SystemCalls.characterDevice("/dev/zero", 1, 5);
        SystemCalls.characterDevice("/dev/full", 1, 7);
        SystemCalls.characterDevice("/dev/random", 1, 8);
        SystemCalls.characterDevice("/dev/urandom", 1, 9);
        empty("/run");
        Files.createDirectory(Path.of("/run/mdadm"));
    }

    /** A file cannot be put into the kernel's /proc, and where it has no md there is no mdstat to be covered. */
    private static void showProc(Path mdstat, long pid) throws IOException {
        Files.createDirectory(Path.of(KERNELS_PROC));
        SystemCalls.mount(PROC, KERNELS_PROC, "", SystemCalls.MS_BIND | SystemCalls.MS_REC, "");
        List<String> entries = new ArrayList<>(List.of(Long.toString(pid)));
        try (var all = Files.newDirectoryStream(Path.of(KERNELS_PROC))) {
            for (Path entry : all) {
                String name = entry.getFileName().toString();
                if (!Character.isDigit(name.charAt(0)) && !name.equals("mdstat")) {
                    entries.add(name);
                }
            }
        }
        empty(PROC);
        for (String entry : entries) {
            Files.createSymbolicLink(Path.of(PROC, entry), Path.of(KERNELS_PROC, entry));
        }
        Path here = Files.createFile(Path.of(PROC, "mdstat"));
        bind(mdstat.toString(), here.toString());
    }

    private static void bind(String source, String target) throws IOException {
        SystemCalls.mount(source, target, "", SystemCalls.MS_BIND, "");
    }

    private static void empty(String target) throws IOException {
        SystemCalls.mount("redoubt", target, TMPFS, SystemCalls.MS_NOSUID, "mode=755,size=1m");
    }
}
