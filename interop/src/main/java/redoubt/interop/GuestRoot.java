package redoubt.interop;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The guest's kernel and its root file system, an archive that the kernel unpacks into memory: busybox, mdadm and mdmon
 * of this host with their libraries, the kernel modules that a check may want (the kernel loads most of them itself, by
 * name, when they are first needed), and the agent that takes our orders.
 */
final class GuestRoot {
    /** All that may be loaded in the guest; what they depend on comes with them. */
    private static final List<String> MODULES = List.of(
            "virtio_pci",
            "virtio_blk",
            "virtio_console",
            "virtio_net",
            "virtio_scsi",
            "sd_mod",
            "nvme",
            "md_mod",
            "raid0",
            "raid1",
            "raid10",
            "raid456",
            "linear",
            "dm_mod",
            "loop",
            "nbd",
            "brd",
            "xfs",
            "ext4",
            "fuse",
            "squashfs");

    private static final Pattern LIBRARY = Pattern.compile("(/\\S+)\\s+\\(0x");

    private GuestRoot() {}

    /** A kernel that this host could boot, with its modules. */
    record Kernel(Path image, String release) {
        Path modules() {
            return Path.of("/lib/modules", release);
        }

        /** The newest kernel on this host; one made for the cloud is preferred, since it starts in half the time. */
        static Optional<Kernel> find() {
            try (Stream<Path> files = Files.list(Path.of("/boot"))) {
                return files.filter(file -> file.getFileName().toString().startsWith("vmlinuz-"))
                        .filter(Files::isReadable)
                        .map(file ->
                                new Kernel(file, file.getFileName().toString().substring("vmlinuz-".length())))
                        .filter(kernel -> Files.isReadable(kernel.modules().resolve("modules.dep")))
                        .max(Comparator.comparing(
                                        (Kernel kernel) -> kernel.release().contains("cloud"))
                                .thenComparing(kernel -> Runtime.Version.parse(numbers(kernel.release()))));
            } catch (IOException e) {
                return Optional.empty();
            }
        }

        private static String numbers(String release) {
            Matcher dotted = Pattern.compile("[1-9]\\d*(\\.\\d+)*").matcher(release);
            return dotted.find() ? dotted.group().replaceAll("(\\.0)+$", "") : "1";
        }
    }

    static void write(Path archive, Kernel kernel) {
        try (CpioArchive cpio = new CpioArchive(archive)) {
            for (String folder : List.of(
                    "bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "dev", "run", "tmp", "etc", "mnt", "var")) {
                cpio.folder(folder);
            }
            cpio.file("init", resource("guest-init.sh"));
            cpio.file("etc/guest-md.sh", resource("guest-md.sh"));
            cpio.file("bin/busybox", Files.readAllBytes(Peer.BUSYBOX.path()));
            cpio.link("sbin/modprobe", "/bin/busybox");
            for (Peer peer : List.of(Peer.MDADM, Peer.MDMON)) {
                program(cpio, peer.path(), "sbin/" + peer.program());
            }
            if (Peer.CMP.find().isPresent()) {
                program(cpio, Peer.CMP.path(), "usr/bin/cmp");
            }
            modules(cpio, kernel);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = GuestRoot.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("resource is not in the jar: " + name);
            }
            return in.readAllBytes();
        }
    }

    private static void program(CpioArchive cpio, Path program, String at) throws IOException {
        cpio.file(at, Files.readAllBytes(program));
        Matcher library = LIBRARY.matcher(
                Peer.LDD.command(program.toString()).run().mustSucceed().out());
        while (library.find()) {
            Path file = Path.of(library.group(1));
            if (Files.exists(file) && !cpio.has(file.toString())) {
                cpio.file(file.toString(), Files.readAllBytes(file));
            }
        }
    }

    /** The wanted modules under their own paths, with the lines about them of modules.dep and modules.alias. */
    private static void modules(CpioArchive cpio, Kernel kernel) throws IOException {
        Map<String, List<String>> wants = new LinkedHashMap<>(); // path of a module -> itself and all below it
        for (String line : Files.readAllLines(kernel.modules().resolve("modules.dep"))) {
            int colon = line.indexOf(':');
            List<String> withDependencies = new ArrayList<>(List.of(line.substring(0, colon)));
            Stream.of(line.substring(colon + 1).split(" "))
                    .filter(s -> !s.isEmpty())
                    .forEach(withDependencies::add);
            wants.put(line.substring(0, colon), withDependencies);
        }
        Set<String> paths = new LinkedHashSet<>();
        wants.forEach((path, withDependencies) -> {
            if (MODULES.contains(moduleName(path))) {
                paths.addAll(withDependencies);
            }
        });
        String folder = kernel.modules().toString() + "/";
        StringBuilder dependencies = new StringBuilder();
        Set<String> names = new LinkedHashSet<>();
        for (String path : paths) {
            cpio.file(folder + path, Files.readAllBytes(kernel.modules().resolve(path)));
            List<String> below = wants.getOrDefault(path, List.of(path));
            dependencies
                    .append(path)
                    .append(": ")
                    .append(String.join(" ", below.subList(1, below.size())))
                    .append('\n');
            names.add(moduleName(path));
        }
        cpio.file(folder + "modules.dep", dependencies.toString().getBytes(StandardCharsets.UTF_8));
        StringBuilder aliases = new StringBuilder(); // alias PATTERN MODULE
        for (String line : Files.readAllLines(kernel.modules().resolve("modules.alias"))) {
            if (names.contains(line.substring(line.lastIndexOf(' ') + 1))) {
                aliases.append(line).append('\n');
            }
        }
        cpio.file(folder + "modules.alias", aliases.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** {@code kernel/drivers/md/md-mod.ko.xz} is the module {@code md_mod}. */
    private static String moduleName(String path) {
        String file = path.substring(path.lastIndexOf('/') + 1);
        return file.substring(0, file.indexOf(".ko")).replace('-', '_');
    }
}
