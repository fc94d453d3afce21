package redoubt.assembly;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * The real arrays, made by Linux, on which assembly is tested. They lie beside the tree and not in it: in {@code REDOUBT_CORPUS}, or in
 * {@code shared/corpus} next to the root or above it.
 */
final class Corpus {

    /** One array of a case. */
    record Volume(String name, long bytes, String sha256) {}

    /** A case: its members as plain image files, and its arrays. */
    record Case(String name, List<Path> images, List<Volume> volumes) {
        /** The disk of a member, with the serial that the README gives it. */
        Disk known(int member) {
            return new Disk(images.get(member).toString(), Optional.of(serial(member)));
        }

        /** The disk of a member, with nothing but its place. */
        Disk unknown(int member) {
            return Disk.at(images.get(member).toString());
        }

        Volume volume(String wanted) {
            return volumes.stream()
                    .filter(each -> each.name().equals(wanted))
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** What a test says that cannot run. */
    static final String SKIPPED =
            "SKIPPED: there is no corpus; put it at shared/corpus beside the tree, or name it in REDOUBT_CORPUS";

    private static final int BLOCK_BYTES = 64 * 1024;

    private final Path unpacked;
    private final Path root;
    private final Map<String, Case> cases = new HashMap<>();

    /** @param unpacked where images may be unpacked */
    Corpus(Path unpacked) {
        this.unpacked = unpacked;
        this.root = root().orElseThrow();
    }

    /** Where the corpus is, if it is anywhere. */
    static Optional<Path> root() {
        String given = System.getenv("REDOUBT_CORPUS");
        if (given != null) {
            return Optional.of(Path.of(given)).filter(Files::isDirectory);
        }
        for (Path up = Path.of("").toAbsolutePath(); up != null; up = up.getParent()) {
            Path corpus = up.resolve("shared/corpus");
            if (Files.isRegularFile(corpus.resolve("cases.tsv"))) {
                return Optional.of(corpus);
            }
        }
        return Optional.empty();
    }

    /** The serial of a member: the name of the disk in the machine that made it. */
    static String serial(int member) {
        return "/dev/vd" + (char) ('a' + member);
    }

    /** The names of the cases that begin so. */
    static List<String> names(String prefix) {
        return root().map(path -> read(path.resolve("cases.tsv"))).orElse(List.of()).stream()
                .map(line -> line.split("\t", -1)[0])
                .filter(name -> name.startsWith(prefix))
                .distinct()
                .toList();
    }

    /** A case, unpacked when it is first asked for. */
    Case get(String name) {
        return cases.computeIfAbsent(name, this::unpack);
    }

    private Case unpack(String name) {
        List<Volume> volumes = new ArrayList<>();
        int members = 0;
        for (String line : read(root.resolve("cases.tsv"))) {
            String[] words = line.split("\t", -1);
            if (words[0].equals(name)) {
                members = Integer.parseInt(words[1]);
                volumes.add(new Volume(words[2], Long.parseLong(words[3]), words[4]));
            }
        }
        List<Path> images = new ArrayList<>();
        for (int member = 0; member < members; member++) {
            images.add(unpack(root.resolve(name).resolve(member + ".img.gz"), name + "-" + member + ".img"));
        }
        return new Case(name, images, volumes);
    }

    /** Holes stay holes. */
    private Path unpack(Path packed, String as) {
        Path image = unpacked.resolve(as);
        try (InputStream in = new GZIPInputStream(Files.newInputStream(packed), BLOCK_BYTES);
                SeekableByteChannel out = Files.newByteChannel(
                        image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.SPARSE)) {
            byte[] block = new byte[BLOCK_BYTES];
            long at = 0;
            for (int got = in.readNBytes(block, 0, block.length);
                    got > 0;
                    got = in.readNBytes(block, 0, block.length)) {
                if (!zero(block, got) || got < block.length) {
                    out.position(at);
                    out.write(ByteBuffer.wrap(block, 0, got));
                }
                at += got;
            }
            if (out.size() < at) {
                out.position(at - 1);
                out.write(ByteBuffer.wrap(new byte[1]));
            }
            return image;
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    private static boolean zero(byte[] block, int length) {
        for (int i = 0; i < length; i++) {
            if (block[i] != 0) {
                return false;
            }
        }
        return true;
    }

    private static List<String> read(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }
}
