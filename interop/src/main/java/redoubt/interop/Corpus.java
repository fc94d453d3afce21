package redoubt.interop;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/**
 * Arrays that Linux made and read back, kept outside the tree: one folder a case with its member disks
 * ({@code 0.img.gz}, {@code 1.img.gz}, ...), and {@code cases.tsv}, which names each volume with its size and the
 * SHA-256 of its content. In IMSM cases the serial of member 0 is {@code /dev/vda}, of member 1 {@code /dev/vdb}, and
 * so on; nothing else tells the members apart.
 */
public final class Corpus {
    private static final int COPY_BYTES = 1 << 20;
    private static final int HOLE_BYTES = 4096;
    private static final Case NOT_HERE = new Case(Path.of(""), "no corpus", 0, List.of(), "");

    private final Path folder;

    private Corpus(Path folder) {
        this.folder = folder;
    }

    /** One volume of a case and what a right reader reads from it. */
    public record Volume(String name, long bytes, String sha256) {}

    /** One case: its member disks, in the order in which Linux saw them, and the volumes they form. */
    public record Case(Path folder, String name, int members, List<Volume> volumes, String note) {
        public Case {
            volumes = List.copyOf(volumes);
        }

        /** Members 0 .. n-1 as raw images in another folder; zeros become holes. */
        public List<Path> unpackInto(Path target) {
            if (equals(NOT_HERE)) {
                require();
            }
            List<Path> images = new ArrayList<>();
            for (int member = 0; member < members; member++) {
                images.add(unpack(folder.resolve(member + ".img.gz"), target.resolve(member + ".img")));
            }
            return images;
        }

        @Override
        public String toString() {
            return name; // it is how a parameterized test shows it
        }
    }

    /** {@code REDOUBT_CORPUS}, or {@code shared/corpus} beside the checkout or beside a folder above it. */
    public static Optional<Corpus> find() {
        String told = System.getenv("REDOUBT_CORPUS");
        if (told != null) {
            return Optional.of(new Corpus(Path.of(told)));
        }
        return Checkout.upwards(Checkout.root())
                .map(above -> above.resolve("shared").resolve("corpus"))
                .filter(found -> Files.isRegularFile(found.resolve("cases.tsv")))
                .findFirst()
                .map(Corpus::new);
    }

    /** As {@link #find()}, or {@link PeerMissing} that says where it is looked for. */
    public static Corpus require() {
        return find().orElseThrow(() ->
                new PeerMissing("no corpus of Linux arrays: neither ../shared/corpus nor REDOUBT_CORPUS is there"));
    }

    /**
     * The cases whose name begins so. Where there is no corpus, one that stands for them, and is {@link PeerMissing} when it is unpacked: a test
     * without cases would be passed over without a word.
     */
    public static List<Case> casesOrWhatIsMissing(String prefix) {
        return find().map(corpus -> corpus.cases(prefix)).orElse(List.of(NOT_HERE));
    }

    /** All cases whose name begins so, in the order of {@code cases.tsv}. */
    public List<Case> cases(String prefix) {
        Map<String, Case> byName = new LinkedHashMap<>();
        try {
            for (String line : Files.readAllLines(folder.resolve("cases.tsv"))) {
                String[] field = line.split("\t", -1);
                if (field[0].startsWith(prefix) && !field[0].equals("case")) {
                    Volume volume = new Volume(field[2], Long.parseLong(field[3]), field[4]);
                    Case one = new Case(
                            folder.resolve(field[0]),
                            field[0],
                            Integer.parseInt(field[1]),
                            List.of(volume),
                            field.length > 5 ? field[5] : "");
                    byName.merge(one.name(), one, Corpus::withVolumesOfBoth);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return List.copyOf(byName.values());
    }

    private static Case withVolumesOfBoth(Case first, Case second) {
        List<Volume> volumes = new ArrayList<>(first.volumes());
        volumes.addAll(second.volumes());
        return new Case(first.folder(), first.name(), first.members(), volumes, first.note());
    }

    private static Path unpack(Path packed, Path image) {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(packed), COPY_BYTES);
                FileChannel out = FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            byte[] buffer = new byte[COPY_BYTES];
            long at = 0;
            for (int n = in.readNBytes(buffer, 0, buffer.length); n > 0; n = in.readNBytes(buffer, 0, buffer.length)) {
                writeWithHoles(out, buffer, n, at);
                at += n;
            }
            if (at > 0 && out.size() < at) {
                out.write(ByteBuffer.allocate(1), at - 1);
            }
            return image;
        } catch (IOException e) {
            throw new UncheckedIOException("cannot unpack " + packed, e);
        }
    }

    private static void writeWithHoles(FileChannel out, byte[] buffer, int length, long at) throws IOException {
        for (int from = 0; from < length; from += HOLE_BYTES) {
            ByteBuffer piece = ByteBuffer.wrap(buffer, from, Math.min(HOLE_BYTES, length - from));
            if (!isZero(piece)) {
                for (long to = at + from; piece.hasRemaining(); ) {
                    to += out.write(piece, to);
                }
            }
        }
    }

    private static boolean isZero(ByteBuffer piece) {
        for (int i = piece.position(); i < piece.limit(); i++) {
            if (piece.get(i) != 0) {
                return false;
            }
        }
        return true;
    }
}
