package redoubt.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import redoubt.block.IoMemory;
import redoubt.block.IoOperation;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;
import redoubt.testkit.Fault;
import redoubt.testkit.PowerRail;
import redoubt.testkit.SimulatedMember;

/**
 * A disk whose calls stop returning when the test says so: not for a test's own code, but for another process, in the kernel. Needs root.
 * Everything is given back by {@link #close}, which first lets the calls return.
 */
final class HangingDisk implements AutoCloseable {
    private static final Duration LIMIT = Duration.ofSeconds(30);
    private static final String EXPORT = "hanging";

    /** By what means calls are held. */
    enum Means {
        /** The disk is a file on a loop device's ext4 that is frozen: whoever writes sits in the kernel, where no signal reaches. */
        FROZEN_EXT4,
        /** The same with XFS. */
        FROZEN_XFS,
        /** The disk is a file behind FUSE whose server does not answer one kind of call. */
        FUSE,
        /** The disk is an NBD export of a qemu-nbd that is stopped (SIGSTOP): nothing comes back. */
        STOPPED_NBD
    }

    private final String location;
    private final Deque<Runnable> giveBack = new ArrayDeque<>();
    private Runnable hang = () -> {};
    private Runnable release = () -> {};
    private boolean hangs;

    private HangingDisk(String location) {
        this.location = location;
    }

    /**
     * Puts an image where it can hang.
     *
     * @param image what the disk holds
     * @param call the call that will hang; what is frozen or stopped holds others too
     */
    static HangingDisk make(Means means, Path image, Scratch scratch, IoOperation call) {
        return switch (means) {
            case FROZEN_EXT4 -> frozen(image, scratch, "ext4", Peer.MKFS_EXT4);
            case FROZEN_XFS -> frozen(image, scratch, "xfs", Peer.MKFS_XFS);
            case FUSE -> fuse(image, scratch, call);
            case STOPPED_NBD -> stopped(image, scratch);
        };
    }

    private static HangingDisk frozen(Path image, Scratch scratch, String type, Peer mkfs) {
        Path mount = folder(scratch.file("frozen"));
        HangingDisk disk = new HangingDisk(mount.resolve("disk.img").toString());
        return disk.orNothing(() -> {
            Path blocks = scratch.sparse("frozen." + type, 512L << 20); // XFS takes no less than 300 MiB
            LoopDevice loop = LoopDevice.attach(blocks);
            disk.giveBack.push(loop::close);
            mkfs.command("-q", loop.device().toString()).run().mustSucceed();
            run("mount", "-t", type, loop.device().toString(), mount.toString());
            // The kernel may hold on to a file for a moment after its process has ended.
            disk.giveBack.push(() -> Await.until(
                    "the file system to be free",
                    LIMIT,
                    () -> Command.of("umount", mount.toString()).run().exitCode() == 0));
            copy(image, mount.resolve("disk.img"));
            disk.hang = () -> run("fsfreeze", "--freeze", mount.toString());
            disk.release = () -> run("fsfreeze", "--unfreeze", mount.toString());
        });
    }

    private static HangingDisk fuse(Path image, Scratch scratch, IoOperation call) {
        Path file = scratch.sparse("fuse.img", 0);
        HangingDisk disk = new HangingDisk(file.toString());
        return disk.orNothing(() -> {
            Path socket = scratch.file("behind");
            SimulatedMember member = new SimulatedMember(EXPORT, bytes(image), 512, PowerRail.steady(), 1);
            NbdServer server = serve(member, socket);
            disk.giveBack.push(server::close);
            Path ready = scratch.file("fuse.pid");
            Process daemon = start(
                    scratch.file("fuse.log"),
                    Peer.QEMU_STORAGE_DAEMON.path().toString(),
                    "--blockdev",
                    "driver=nbd,node-name=disk,server.type=unix,server.path=%s,export=%s".formatted(socket, EXPORT),
                    "--export",
                    "type=fuse,id=file,node-name=disk,writable=on,mountpoint=" + file,
                    "--pidfile",
                    ready.toString());
            disk.giveBack.push(() -> end(daemon));
            Await.until(
                    "the FUSE file",
                    LIMIT,
                    () -> !daemon.isAlive() || (Files.exists(ready) && Files.size(file) == Files.size(image)));
            if (!daemon.isAlive()) {
                throw new PeerMissing("no FUSE on this machine: " + text(scratch.file("fuse.log")));
            }
            disk.hang = () -> member.inject(Fault.hanging(call));
            disk.release = member::heal;
        });
    }

    private static HangingDisk stopped(Path image, Scratch scratch) {
        Path socket = scratch.file("behind");
        HangingDisk disk = new HangingDisk("nbd+unix:///?socket=" + socket);
        return disk.orNothing(() -> {
            Process server = start(
                    scratch.file("qemu-nbd.log"),
                    Peer.QEMU_NBD.path().toString(),
                    "--persistent",
                    "--shared=4",
                    "--format=raw",
                    "--socket=" + socket,
                    image.toString());
            disk.giveBack.push(() -> end(server));
            Await.until("qemu-nbd to greet", LIMIT, () -> NbdGreeting.isGivenAt(socket));
            disk.hang = () -> run("kill", "-STOP", Long.toString(server.pid()));
            disk.release = () -> run("kill", "-CONT", Long.toString(server.pid()));
        });
    }

    private static NbdServer serve(SimulatedMember member, Path socket) {
        NbdExports exports = new NbdExports();
        exports.add(EXPORT, member, "hangs when told to");
        IoMemory memory = new IoMemory(new IoMemory.Cut(4096, 256, 16), new IoMemory.Cut(256 << 10, 64, 4));
        try {
            NbdServer server = new NbdServer(exports, memory, NbdLimits.standard());
            server.listenUnix(socket);
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Gives back what was borrowed if the rest cannot be had. */
    private HangingDisk orNothing(Runnable borrow) {
        try {
            borrow.run();
            return this;
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** What a command line says for this disk, without its serial. */
    String location() {
        return location;
    }

    /** From now on calls do not return. */
    void hang() {
        hang.run();
        hangs = true;
    }

    /** Calls return; a second time does nothing. */
    void release() {
        if (hangs) {
            hangs = false;
            release.run();
        }
    }

    /** To be opened after whatever uses the disk, so that it is closed before that: a process with a hung call does not end. */
    Release releasedFirst() {
        return this::release;
    }

    /** Ends a hang. */
    interface Release extends AutoCloseable {
        @Override
        void close();
    }

    @Override
    public void close() {
        release();
        RuntimeException first = null;
        while (!giveBack.isEmpty()) {
            try {
                giveBack.pop().run();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    private static void end(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new TimeLimitPassed("did not end when asked to: " + process.info());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
    }

    private static Process start(Path log, String... words) {
        try {
            return new ProcessBuilder(List.of(words))
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void run(String... words) {
        Command.of(words).run().mustSucceed();
    }

    private static Path folder(Path folder) {
        try {
            return Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void copy(Path from, Path to) {
        try {
            Files.copy(from, to, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String text(Path log) {
        return new String(bytes(log), StandardCharsets.UTF_8).strip();
    }

    private static byte[] bytes(Path image) {
        try {
            return Files.readAllBytes(image);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
