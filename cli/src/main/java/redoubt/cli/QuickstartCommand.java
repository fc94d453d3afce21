package redoubt.cli;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code redoubt quickstart}: the main job from end to end, on images in a scratch folder, with proof. */
@Command(
        name = "quickstart",
        header = "The main job end to end in a scratch folder, with proof.",
        sortOptions = false,
        description = {
            "",
            "Makes two images, an Intel RAID1 on them, serves it over NBD, writes and reads back, takes a member out, writes"
                    + " and reads on, stops, looks at what is written on both members, reads the whole content from them without"
                    + " the server, and compares it byte for byte. Each step is printed with the commands to do it by hand, which"
                    + " can be pasted into a shell one after the other; nbdcopy, of libnbd, is the NBD client in them. They begin"
                    + " with the folder, which is gone by then, but for --keep."
        },
        footer = {"", "Examples:", "  redoubt quickstart", "  redoubt quickstart --keep"})
final class QuickstartCommand extends Verb {

    private static final String NAME = "demo";
    private static final long IMAGE_BYTES = 64L << 20;
    private static final int REWRITTEN_BYTES = 8 << 20;
    private static final long SEED = 20231114;
    private static final long END_LIMIT_SECONDS = 60;

    @Option(names = "--keep", description = "Leave the scratch folder as it is in the end.")
    private boolean keep;

    private int steps;

    QuickstartCommand(Console console) {
        super(console);
    }

    @Override
    int run() throws Refused, IOException {
        long start = System.nanoTime();
        Path folder = Files.createTempDirectory("redoubt-");
        try {
            play(folder);
        } finally {
            if (!keep) {
                try (Stream<Path> files = Files.walk(folder)) {
                    for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                        Files.delete(file);
                    }
                }
            }
        }
        console()
                .print("All of it is right, after %.1f s.%s"
                        .formatted(
                                (System.nanoTime() - start) / 1e9,
                                keep
                                        ? " The folder stays; to do the same by hand in it, remove it first: rm -r "
                                                + ShellWord.of(folder.toString())
                                        : ""));
        return ExitCode.DONE.number();
    }

    private void play(Path folder) throws Refused, IOException {
        List<Path> images = List.of(folder.resolve("disk0.img"), folder.resolve("disk1.img"));
        List<String> disks = List.of(images.get(0) + ",serial=DEMO-0", images.get(1) + ",serial=DEMO-1");
        Path socket = folder.resolve("nbd");
        Path control = folder.resolve("control");
        Path content = folder.resolve("content");

        step(
                "a folder, and two empty disks in it",
                "mkdir " + word(folder),
                "truncate -s 64M %s %s".formatted(word(images.get(0)), word(images.get(1))));
        for (Path image : images) {
            try (FileChannel file = FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                file.write(java.nio.ByteBuffer.allocate(1), IMAGE_BYTES - 1);
            }
        }

        List<String> create = new ArrayList<>(List.of("create", NAME, "--metadata", "imsm", "--level", "1"));
        create.addAll(disks);
        step("an Intel RAID1 on them", ShellWord.redoubt(create));
        show(redoubt(create), "");

        List<String> serve =
                new ArrayList<>(List.of("serve", "--listen", "unix:" + socket, "--control", control.toString()));
        serve.addAll(disks);
        step(
                "serve it; who comes once its socket is there waits until it is ready",
                ShellWord.redoubt(serve) + " &",
                "until [ -S %s ]; do sleep 0.1; done".formatted(word(socket)));
        byte[] written;
        Process server = start(serve);
        try {
            String uri = ready(server);
            console().print("    " + uri);
            written = useHealthy(socket, uri, content);

            List<String> fail = List.of("fail", "--control", control.toString(), NAME, "DEMO-1");
            List<String> status = List.of("status", "--control", control.toString(), NAME);
            step("take a member out", ShellWord.redoubt(fail), ShellWord.redoubt(status));
            show(redoubt(fail), "");
            show(redoubt(status), NAME, "blocks");

            useDegraded(socket, uri, content, written);

            List<String> stop = List.of("stop", "--control", control.toString(), NAME);
            step("stop it, and wait for its end", ShellWord.redoubt(stop), "wait $!");
            show(redoubt(stop), "");
            awaitEnd(server);
        } finally {
            server.destroyForcibly();
        }

        List<String> examine = new ArrayList<>(List.of("examine"));
        examine.addAll(disks);
        step("what is written on the members", ShellWord.redoubt(examine));
        show(
                redoubt(examine),
                "disk0.img",
                "disk1.img",
                "Generation",
                "Slots",
                "Map State",
                "Dirty State",
                "Failed disk");

        Path copy = folder.resolve("copy.img");
        List<String> copying = new ArrayList<>(List.of("copy"));
        copying.addAll(disks);
        copying.add(copy.toString());
        step(
                "read everything from the members, without the server",
                ShellWord.redoubt(copying),
                "sha256sum %1$s %2$s && cmp %1$s %2$s".formatted(word(content), word(copy)));
        show(redoubt(copying), "");
        String expected = sha256(written);
        String found = sha256(Files.readAllBytes(copy));
        console().print("    written: " + expected);
        console().print("    read:    " + found);
        if (!expected.equals(found)) {
            throw new Refused(ExitCode.BUG, "what was read is not what was written; please report it");
        }
    }

    /** Answers what was written, which is in the file too. */
    private byte[] useHealthy(Path socket, String uri, Path content) throws IOException, Refused {
        try (NbdExchange client = new NbdExchange(socket, NAME)) {
            byte[] bytes = new byte[Math.toIntExact(client.sizeBytes())];
            step(
                    "fill it over NBD, and read it back",
                    "head -c %d /dev/urandom > %s".formatted(bytes.length, word(content)),
                    copiedOverNbd(content, uri));
            new SplittableRandom(SEED).nextBytes(bytes);
            Files.write(content, bytes);
            client.write(0, bytes);
            client.flush();
            compare(bytes, client.read(0, bytes.length));
            return bytes;
        }
    }

    private void useDegraded(Path socket, String uri, Path content, byte[] written) throws IOException, Refused {
        step(
                "write and read on with one member",
                "dd if=/dev/urandom of=%s bs=1M count=%d conv=notrunc status=none"
                        .formatted(word(content), REWRITTEN_BYTES >> 20),
                copiedOverNbd(content, uri));
        byte[] fresh = new byte[REWRITTEN_BYTES];
        new SplittableRandom(SEED + 1).nextBytes(fresh);
        System.arraycopy(fresh, 0, written, 0, fresh.length);
        Files.write(content, written);
        try (NbdExchange client = new NbdExchange(socket, NAME)) {
            client.write(0, fresh);
            client.flush();
            compare(written, client.read(0, written.length));
        }
    }

    private static String copiedOverNbd(Path content, String uri) {
        return "nbdcopy %1$s %2$s && nbdcopy %2$s - | cmp - %1$s".formatted(word(content), ShellWord.of(uri));
    }

    private static String word(Path path) {
        return ShellWord.of(path.toString());
    }

    private void compare(byte[] written, byte[] read) throws Refused {
        int difference = Arrays.mismatch(written, read);
        if (difference >= 0) {
            throw new Refused(ExitCode.BUG, "byte " + difference + " came back changed; please report it");
        }
        console().print("    %s written and read back, all the same".formatted(Sizes.shown(written.length)));
    }

    // ---------------------------------------------------------------------------------------------- steps

    private void step(String what, String... byHand) {
        console().print("%d. %s".formatted(++steps, what));
        for (String command : byHand) {
            console().print("    $ " + command);
        }
    }

    /** Prints the lines that hold one of these words. */
    private void show(String output, String... words) {
        output.lines()
                .filter(line -> !line.isBlank() && Arrays.stream(words).anyMatch(line::contains))
                .forEach(line -> console().print("    " + line));
    }

    /** Runs another verb here, and answers what it printed. */
    private String redoubt(List<String> words) throws Refused {
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        PrintStream stream = new PrintStream(printed, true, StandardCharsets.UTF_8);
        Console inner = new Console(
                stream, stream, new ByteArrayInputStream(new byte[0]), console().environment(), false, false);
        int exit = Main.run(inner, words.toArray(String[]::new));
        String text = printed.toString(StandardCharsets.UTF_8);
        if (exit != 0) {
            show(text, "");
            throw new Refused(exit, "'redoubt %s' ended with %d".formatted(words.getFirst(), exit), List.of());
        }
        return text;
    }

    /** Serving is a process of its own, as it would be by hand. */
    private static Process start(List<String> words) throws IOException, Refused {
        String launcher = System.getProperty("redoubt.launcher");
        if (launcher == null) {
            throw new Refused(ExitCode.USAGE, "quickstart has to be run through the ./redoubt launcher");
        }
        List<String> line = new ArrayList<>(List.of(launcher));
        line.addAll(words);
        ProcessBuilder builder = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("REDOUBT_BUILD", "never");
        return builder.start();
    }

    private static String ready(Process server) throws IOException, Refused {
        String uri =
                new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8)).readLine();
        if (uri == null) {
            throw new Refused(ExitCode.BUG, "the server ended before it served");
        }
        return uri;
    }

    private static void awaitEnd(Process server) throws Refused {
        try {
            if (!server.waitFor(END_LIMIT_SECONDS, TimeUnit.SECONDS) || server.exitValue() != 0) {
                throw new Refused(ExitCode.BUG, "the server did not end as it should");
            }
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
