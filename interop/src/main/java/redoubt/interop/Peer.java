package redoubt.interop;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A program of others that Redoubt is checked against, and the Debian package that brings it. */
public enum Peer {
    MDADM("mdadm", "mdadm"),
    MDMON("mdmon", "mdadm"),
    NBDINFO("nbdinfo", "libnbd-bin"),
    NBDCOPY("nbdcopy", "libnbd-bin"),
    NBDSH("nbdsh", "python3-libnbd"),
    NBDKIT("nbdkit", "nbdkit"),
    QEMU_IMG("qemu-img", "qemu-utils"),
    QEMU_IO("qemu-io", "qemu-utils"),
    QEMU_NBD("qemu-nbd", "qemu-utils"),
    QEMU_STORAGE_DAEMON("qemu-storage-daemon", "qemu-system-common"),
    QEMU_SYSTEM("qemu-system-x86_64", "qemu-system-x86"),
    FIO("fio", "fio"),
    BUSYBOX("busybox", "busybox-static"),
    LOSETUP("losetup", "mount"),
    MKFS_EXT4("mkfs.ext4", "e2fsprogs"),
    MKFS_XFS("mkfs.xfs", "xfsprogs"),
    XFS_REPAIR("xfs_repair", "xfsprogs"),
    PYTHON("python3", "python3"),
    STRACE("strace", "strace"),
    LDD("ldd", "libc-bin"),
    FUSERMOUNT("fusermount3", "fuse3"),
    SETPRIV("setpriv", "util-linux"),
    CMP("cmp", "diffutils");

    private static final List<Path> ELSEWHERE = List.of(
            Path.of("/usr/local/sbin"),
            Path.of("/usr/local/bin"),
            Path.of("/usr/sbin"),
            Path.of("/usr/bin"),
            Path.of("/sbin"),
            Path.of("/bin"));

    private final String program;
    private final String debianPackage;

    Peer(String program, String debianPackage) {
        this.program = program;
        this.debianPackage = debianPackage;
    }

    public String program() {
        return program;
    }

    public String debianPackage() {
        return debianPackage;
    }

    /** Where the program is, on PATH or where Debian keeps what only root runs. */
    public Optional<Path> find() {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        return Stream.concat(
                        Stream.of(path.split(":")).filter(p -> !p.isEmpty()).map(Path::of), ELSEWHERE.stream())
                .map(folder -> folder.resolve(program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Where the program is; {@link PeerMissing} with what to install if it is nowhere. */
    public Path path() {
        return find().orElseThrow(() ->
                new PeerMissing("no %s on this machine: apt-get install %s".formatted(program, debianPackage)));
    }

    /** A command of this program, with the locale of its manual page. */
    public Command command(String... arguments) {
        List<String> words = new ArrayList<>();
        words.add(path().toString());
        words.addAll(List.of(arguments));
        return Command.of(words).env("LC_ALL", "C").env("TZ", "UTC");
    }

    /** {@link PeerMissing} that names every package of these peers that is not there. */
    public static void require(Peer... peers) {
        List<String> missing = Stream.of(peers)
                .filter(peer -> peer.find().isEmpty())
                .map(Peer::debianPackage)
                .distinct()
                .toList();
        if (!missing.isEmpty()) {
            throw new PeerMissing("missing here: apt-get install " + String.join(" ", missing));
        }
    }
}
