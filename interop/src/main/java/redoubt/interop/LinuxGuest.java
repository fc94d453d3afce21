package redoubt.interop;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A real Linux kernel with the real md driver, mdadm and mdmon, in a machine of QEMU's: the judge of what Redoubt writes,
 * and the maker of arrays that Redoubt must read. It needs no root, touches no disk of the host and no array that may run
 * there, and emulates its processors, so it wants nothing of the host but QEMU.
 *
 * <p>It boots once and then serves any number of checks. Disk images are plugged in, a shell script is run to its end,
 * the images are plugged out, and the host may look at them again:
 *
 * <pre>{@code
 * try (LinuxGuest guest = LinuxGuest.boot()) {
 *     guest.runOn(List.of(image), "mdadm --examine /dev/vda").mustSucceed();
 * }
 * }</pre>
 *
 * <p>The first image plugged in is {@code /dev/vda}, the next {@code /dev/vdb}, and so on; when all are out it begins
 * again at {@code vda}. A virtio disk answers no SCSI inquiry, so mdadm takes the device's name for its IMSM serial
 * ({@code IMSM_DEVNAME_AS_SERIAL=1} is set in the guest, and {@code IMSM_NO_PLATFORM=1}).
 *
 * <p>Scripts run under busybox sh with the words of {@code guest-md.sh} at hand. A script that passes its time limit makes
 * the kernel print who is blocked on the console; then the guest is given up, for a hung md does not come back.
 * One thread at a time.
 */
public final class LinuxGuest implements AutoCloseable {
    private static final Duration BOOT_LIMIT = Duration.ofMinutes(3);
    private static final Duration SCRIPT_LIMIT = Duration.ofMinutes(2);
    private static final Duration PLUG_LIMIT = Duration.ofMinutes(1);
    private static final Duration AFTERMATH_LIMIT = Duration.ofSeconds(10);
    private static final int DISKS_MAX = 20; // the machine has 32 slots on its bus, a few taken
    private static final int EX_USAGE = 64;
    private static final int EX_TEMPFAIL = 75;
    private static final int CONSOLE_TAIL_CHARS = 6000;

    private final Scratch scratch;
    private final Process qemu;
    private final LineSocket agent;
    private final QemuMonitor monitor;
    private final Duration bootTime;
    private final Thread lastRites;
    private int disksPluggedIn;
    private int disksEver;
    private int scriptsEver;
    private boolean givenUp;

    private LinuxGuest(
            Scratch scratch, Process qemu, LineSocket agent, QemuMonitor monitor, Duration bootTime, Thread lastRites) {
        this.scratch = scratch;
        this.qemu = qemu;
        this.agent = agent;
        this.monitor = monitor;
        this.bootTime = bootTime;
        this.lastRites = lastRites;
    }

    /** Why no guest can run on this host, in words that say what to install; empty where one can. */
    public static Optional<String> whyNot() {
        List<String> missing = new ArrayList<>();
        Stream.of(Peer.QEMU_SYSTEM, Peer.MDADM, Peer.MDMON, Peer.BUSYBOX)
                .filter(peer -> peer.find().isEmpty())
                .map(Peer::debianPackage)
                .distinct()
                .forEach(missing::add);
        if (GuestRoot.Kernel.find().isEmpty()) {
            missing.add("linux-image-cloud-amd64");
        }
        if (!System.getProperty("os.arch").equals("amd64")) {
            return Optional.of(
                    "the Linux guest is made for amd64 hosts, and this one is " + System.getProperty("os.arch"));
        }
        return missing.isEmpty()
                ? Optional.empty()
                : Optional.of("no Linux guest can run here: apt-get install " + String.join(" ", missing));
    }

    /** Starts a guest and returns when it takes orders; {@link PeerMissing} where none can run. */
    public static LinuxGuest boot() {
        whyNot().ifPresent(reason -> {
            throw new PeerMissing(reason);
        });
        GuestRoot.Kernel kernel = GuestRoot.Kernel.find().orElseThrow();
        Scratch scratch = Scratch.make();
        long start = System.nanoTime();
        try {
            Path root = scratch.file("root.cpio");
            GuestRoot.write(root, kernel);
            return boot(scratch, kernel, root, start);
        } catch (IOException e) {
            scratch.close();
            throw new UncheckedIOException("cannot start the Linux guest", e);
        } catch (RuntimeException e) {
            scratch.close();
            throw e;
        }
    }

    private static LinuxGuest boot(Scratch scratch, GuestRoot.Kernel kernel, Path root, long start) throws IOException {
        Path agentPath = scratch.file("agent");
        Path monitorPath = scratch.file("monitor");
        try (ServerSocketChannel agentServer = LineSocket.listen(agentPath);
                ServerSocketChannel monitorServer = LineSocket.listen(monitorPath)) {
            Process qemu = new ProcessBuilder(qemuWords(scratch, kernel, root, agentPath, monitorPath))
                    .redirectInput(Path.of("/dev/null").toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(scratch.file("qemu").toFile())
                    .start();
            Thread lastRites = new Thread(qemu::destroyForcibly, "linux-guest-end"); // tidy: a hook takes nothing else
            Runtime.getRuntime().addShutdownHook(lastRites);
            try {
                QemuMonitor monitor = new QemuMonitor(LineSocket.accept(monitorServer, "QEMU", BOOT_LIMIT));
                LineSocket agent = LineSocket.accept(agentServer, "QEMU", BOOT_LIMIT);
                String hello = agent.readLine(LineSocket.deadline(BOOT_LIMIT), "the guest to come up");
                if (!hello.endsWith("@@ready")) {
                    throw new IllegalStateException("the guest came up with strange words: " + hello);
                }
                Duration bootTime = Duration.ofNanos(System.nanoTime() - start);
                return new LinuxGuest(scratch, qemu, agent, monitor, bootTime, lastRites);
            } catch (RuntimeException e) {
                qemu.destroyForcibly();
                throw new IllegalStateException(
                        "the Linux guest did not come up%n%s%n%s"
                                .formatted(tail(scratch.file("qemu")), tail(scratch.file("console"))),
                        e);
            }
        }
    }

    private static List<String> qemuWords(
            Scratch scratch, GuestRoot.Kernel kernel, Path root, Path agentPath, Path monitorPath) {
        return List.of(
                Peer.QEMU_SYSTEM.path().toString(),
                "-machine",
                "pc",
                // Emulation only: it is there on every host and the same on all of them.
                "-accel",
                "tcg,thread=multi",
                "-cpu",
                "max",
                "-smp",
                "2",
                "-m",
                "768",
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-nic",
                "none",
                "-serial",
                "file:" + scratch.file("console"),
                "-kernel",
                kernel.image().toString(),
                "-initrd",
                root.toString(),
                // Nothing here measures time or fears an attacker; a panic ends QEMU, and so the check, at once.
                "-append",
                "console=ttyS0 quiet panic=-1 nokaslr mitigations=off tsc=reliable no_timer_check",
                "-chardev",
                "socket,id=monitor,path=" + monitorPath,
                "-mon",
                "chardev=monitor,mode=control",
                "-device",
                "virtio-serial-pci",
                "-chardev",
                "socket,id=agent,path=" + agentPath,
                "-device",
                "virtserialport,chardev=agent,name=agent");
    }

    /** The name of the disk that is plugged in as the given one, 0 being the first: {@code /dev/vda}. */
    public static String device(int index) {
        return "/dev/vd" + (char) ('a' + index);
    }

    /** From the first byte of its root file system to the agent's first word. */
    public Duration bootTime() {
        return bootTime;
    }

    /** True once a script hung: nothing more can be had from this guest. */
    public boolean isGivenUp() {
        return givenUp || !qemu.isAlive();
    }

    /** Runs a script in the guest, within two minutes. */
    public Outcome run(String script) {
        return run(script, SCRIPT_LIMIT);
    }

    /**
     * Runs a script in the guest to its end; it stops at the first command that fails ({@code set -e}), and all that it
     * prints, on either stream, is the outcome's {@code out}.
     */
    public Outcome run(String script, Duration limit) {
        if (isGivenUp()) {
            throw new IllegalStateException("this guest was given up: boot another");
        }
        String endMark = "@@" + ++scriptsEver + " ";
        String prelude = ". /etc/guest-md.sh; set -e\n";
        String packed = Base64.getEncoder().encodeToString((prelude + script).getBytes(StandardCharsets.UTF_8));
        agent.writeLine("%d %d %s".formatted(scriptsEver, limit.toSeconds(), packed));
        long deadline = LineSocket.deadline(limit.plus(AFTERMATH_LIMIT));
        StringBuilder said = new StringBuilder();
        try {
            while (true) {
                String line = agent.readLine(deadline, "the end of a script in the guest");
                int end = line.indexOf(endMark);
                if (end >= 0) {
                    said.append(line, 0, end);
                    String how = line.substring(end + endMark.length()).strip();
                    if (how.equals("hung")) {
                        throw new TimeLimitPassed(
                                "a script in the guest did not end within %d s".formatted(limit.toSeconds()));
                    }
                    return new Outcome(
                            List.of("(in the guest)", script.strip()), Integer.parseInt(how), said.toString(), "");
                }
                said.append(line).append('\n');
            }
        } catch (TimeLimitPassed e) {
            givenUp = true;
            throw new TimeLimitPassed(
                    "%s%n--- script%n%s%n--- it said%n%s%n--- console%n%s"
                            .formatted(e.getMessage(), script, said, tail(scratch.file("console"))),
                    e);
        }
    }

    /** Plugs images in, runs a script on them within two minutes, and plugs them out. */
    public Outcome runOn(List<Path> images, String script) {
        return runOn(images, script, SCRIPT_LIMIT);
    }

    /** Plugs images in, runs a script on them, and plugs them out, whether or not the guest still uses them. */
    public Outcome runOn(List<Path> images, String script, Duration limit) {
        try (Disks disks = plugIn(images)) {
            Outcome outcome = run(script, limit);
            return new Outcome(
                    List.of("(in the guest with " + disks.devices() + ")", script.strip()),
                    outcome.exitCode(),
                    outcome.out(),
                    outcome.err());
        }
    }

    /** Disks in the guest; closing plugs them out again, whether or not the guest still uses them. */
    public final class Disks implements AutoCloseable {
        private final List<String> ids = new ArrayList<>();
        private final List<String> devices = new ArrayList<>();

        private Disks() {}

        /** {@code /dev/vda} and so on, in the order of the images. */
        public List<String> devices() {
            return List.copyOf(devices);
        }

        private void add(Path image, int sectorBytes) {
            String id = "disk" + disksEver++;
            String device = device(disksPluggedIn);
            monitor.execute("blockdev-add", """
                    {"node-name": "%s", "driver": "raw", "cache": {"no-flush": true}, "discard": "unmap", \
                    "file": {"driver": "file", "filename": %s, "cache": {"no-flush": true}, "discard": "unmap"}}""".formatted(
                            id, QemuMonitor.quoted(image.toAbsolutePath().toString())));
            monitor.execute("device_add", """
                    {"driver": "virtio-blk-pci", "id": "%s", "drive": "%s", "serial": "%s", \
                    "logical_block_size": %d, "physical_block_size": %d}""".formatted(id, id, id, sectorBytes, sectorBytes));
            ids.add(id);
            devices.add(device);
            disksPluggedIn++;
            LinuxGuest.this
                    .run("wait_for 30 'disk %s' test -b %s".formatted(device, device), PLUG_LIMIT)
                    .mustSucceed();
        }

        @Override
        public void close() {
            if (isGivenUp() || ids.isEmpty()) {
                return;
            }
            for (String id : ids.reversed()) {
                monitor.execute("device_del", "{\"id\": \"%s\"}".formatted(id));
            }
            for (String id : ids) {
                monitor.awaitEvent("DEVICE_DELETED", id, PLUG_LIMIT);
                monitor.execute("blockdev-del", "{\"node-name\": \"%s\"}".formatted(id));
                disksPluggedIn--;
            }
            String gone = devices.getLast();
            LinuxGuest.this
                    .run("wait_for 30 '%s to go' test ! -e %s".formatted(gone, gone), PLUG_LIMIT)
                    .mustSucceed();
        }
    }

    /** Plugs images in, in this order, as disks with sectors of 512 bytes. */
    public Disks plugIn(List<Path> images) {
        return plugIn(images, 512);
    }

    public Disks plugIn(List<Path> images, int sectorBytes) {
        if (disksPluggedIn + images.size() > DISKS_MAX) {
            throw new IllegalArgumentException("more than %d disks".formatted(DISKS_MAX));
        }
        Disks disks = new Disks();
        try {
            images.forEach(image -> disks.add(image, sectorBytes));
            return disks;
        } catch (RuntimeException e) {
            givenUp = true; // with half of its disks in, it is of no use to the next check
            throw e;
        }
    }

    /** Pulls the plug: whatever the guest had not written to its disks is lost. */
    public void cutPower() {
        givenUp = true;
        qemu.destroyForcibly();
        Await.until("QEMU to end", AFTERMATH_LIMIT, () -> !qemu.isAlive());
    }

    @Override
    public void close() {
        try (scratch;
                agent;
                monitor) {
            qemu.destroyForcibly();
            qemu.waitFor(AFTERMATH_LIMIT.toSeconds(), TimeUnit.SECONDS);
            Runtime.getRuntime().removeShutdownHook(lastRites);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IllegalStateException e) {
            // The virtual machine is going down, and the hook does the rest.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * For people: runs a script in a new guest and exits as it did. Words: {@code SCRIPT IMAGE...}, the script {@code -}
     * being standard input.
     */
    public static void main(String[] words) throws IOException {
        if (words.length == 0) {
            System.err.println("usage: linux-guest SCRIPT|- [IMAGE...]");
            System.exit(EX_USAGE); // tidy: a program of its own
        }
        String script = words[0].equals("-")
                ? new String(System.in.readAllBytes(), StandardCharsets.UTF_8)
                : Files.readString(Path.of(words[0]));
        List<Path> images = Stream.of(words).skip(1).map(Path::of).toList();
        int exitCode;
        try (LinuxGuest guest = boot()) {
            Outcome outcome = guest.runOn(images, script, Duration.ofHours(1));
            System.out.println(outcome.out().stripTrailing());
            exitCode = outcome.exitCode();
        } catch (PeerMissing | TimeLimitPassed e) {
            System.err.println("linux-guest: " + e.getMessage());
            exitCode = EX_TEMPFAIL;
        }
        System.exit(exitCode); // tidy: a program of its own
    }

    private static String tail(Path file) {
        try {
            String all = Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
            return all.substring(Math.max(0, all.length() - CONSOLE_TAIL_CHARS));
        } catch (IOException e) {
            return "(cannot read " + file + ")";
        }
    }
}
