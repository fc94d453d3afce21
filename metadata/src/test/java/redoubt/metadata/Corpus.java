package redoubt.metadata;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Assumptions;

/**
 * Arrays made by Linux, which lie beside the checkout (or where REDOUBT_CORPUS says). Only the ends of each member are kept in memory; that is
 * where metadata stands. Without the corpus the tests that need it are skipped, and say so.
 */
public final class Corpus {

    private static final int TAIL_BYTES = 256 * 1024;
    private static final Map<Path, Disk> DISKS = new ConcurrentHashMap<>();

    private Corpus() {}

    /** Both ends of a member, readable at their true places. */
    public record Disk(long sizeBytes, Bytes head, Bytes tail) implements BlockReader {
        /** Its geometry. */
        public DiskGeometry geometry() {
            return new DiskGeometry(sizeBytes, 512);
        }

        @Override
        public byte[] read(long offsetBytes, int lengthBytes) throws ReadFailed {
            if (offsetBytes + lengthBytes <= head.length()) {
                return head.slice((int) offsetBytes, lengthBytes).toArray();
            }
            long from = offsetBytes - (sizeBytes - tail.length());
            if (from < 0 || from + lengthBytes > tail.length()) {
                throw new ReadFailed(
                        "the test keeps only the ends of the disk, and byte " + offsetBytes + " was asked for");
            }
            return tail.slice((int) from, lengthBytes).toArray();
        }
    }

    /** Where the corpus is; without it the test is skipped. */
    public static Path root() {
        return find().orElseGet(() -> {
            String skipped = "SKIPPED: no corpus (../shared/corpus beside the checkout, or REDOUBT_CORPUS)";
            System.err.println(skipped);
            return Assumptions.abort(skipped);
        });
    }

    private static Optional<Path> find() {
        String told = System.getenv("REDOUBT_CORPUS");
        if (told != null) {
            return Optional.of(Path.of(told)).filter(Files::isDirectory);
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            Path corpus = at.resolve("shared/corpus");
            if (Files.isDirectory(corpus)) {
                return Optional.of(corpus);
            }
        }
        return Optional.empty();
    }

    /** The names of the cases that begin so. */
    public static List<String> cases(String prefix) {
        if (find().isEmpty()) {
            return List.of();
        }
        try (Stream<Path> cases = Files.list(root())) {
            return cases.map(path -> path.getFileName().toString())
                    .filter(name -> name.startsWith(prefix))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** All members of a case. */
    public static List<Disk> disks(String name) {
        List<Disk> disks = new ArrayList<>();
        for (int n = 0; Files.exists(root().resolve(name).resolve(n + ".img.gz")); n++) {
            disks.add(disk(name, n));
        }
        return disks;
    }

    /** A member. */
    public static Disk disk(String name, int number) {
        return DISKS.computeIfAbsent(root().resolve(name).resolve(number + ".img.gz"), Corpus::load);
    }

    private static Disk load(Path path) {
        byte[] ring = new byte[TAIL_BYTES];
        Bytes head = Bytes.empty();
        long size = 0;
        try (InputStream in = new GZIPInputStream(Files.newInputStream(path), 1 << 16)) {
            int got;
            while ((got = in.readNBytes(ring, (int) (size % TAIL_BYTES), TAIL_BYTES - (int) (size % TAIL_BYTES))) > 0) {
                if (size == 0) {
                    head = Bytes.of(ring, 0, got);
                }
                size += got;
            }
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        byte[] tail = new byte[TAIL_BYTES];
        int start = (int) (size % TAIL_BYTES);
        System.arraycopy(ring, start, tail, 0, TAIL_BYTES - start);
        System.arraycopy(ring, 0, tail, TAIL_BYTES - start, start);
        return new Disk(size, head, Bytes.of(tail));
    }

    /** In every case the serial of member 0 is /dev/vda, of member 1 /dev/vdb, and so on. */
    public static String serial(int number) {
        return "/dev/vd" + (char) ('a' + number);
    }

    /** What mdadm said of a case. */
    public static String mdadmText(String name) {
        try {
            return Files.readString(root().resolve(name).resolve("mdadm.txt"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
