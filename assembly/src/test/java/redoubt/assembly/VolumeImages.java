package redoubt.assembly;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** Contents of a volume, in files: file systems by the system's own mkfs, and partition tables written by hand. */
final class VolumeImages {

    private static final int SECTOR = 512;
    private static final long PARTITION_AT = 1 << 20;
    private static final int GPT_ENTRIES = 128;
    private static final int GPT_ENTRY_BYTES = 128;
    private static final int GPT_END_SECTORS = 33;

    private final Path folder;

    VolumeImages(Path folder) {
        this.folder = folder;
    }

    /** A file system of that size; without the program for it the test is skipped. */
    Path fileSystem(String mkfs, long bytes) throws IOException, InterruptedException {
        Path image = folder.resolve("filesystem.img");
        Files.deleteIfExists(image);
        resize(image, bytes);
        List<String> words = new ArrayList<>(List.of(mkfs.split(" ", -1)));
        words.add(image.toString());
        try {
            Process process = new ProcessBuilder(words)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            Assertions.assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            Assumptions.assumeTrue(process.exitValue() == 0, "SKIPPED: '" + mkfs + "' makes no such file system here");
        } catch (IOException absent) {
            Assumptions.abort("SKIPPED: there is no '" + words.getFirst() + "'; install it");
        }
        return image;
    }

    /** An MBR whose only partition, from 1 MiB to the end, holds a file system. */
    Path mbr(String mkfs, long bytes) throws IOException, InterruptedException {
        long sectors = (bytes - PARTITION_AT) / SECTOR;
        Path image = behindATable(mkfs, bytes, sectors * SECTOR);
        ByteBuffer table = little(SECTOR);
        table.put(446 + 4, (byte) 0x83);
        table.putInt(446 + 8, (int) (PARTITION_AT / SECTOR));
        table.putInt(446 + 12, (int) sectors);
        table.putShort(510, (short) 0xAA55);
        put(image, 0, table);
        return image;
    }

    /** A GPT at both ends whose only partition, from 1 MiB on, holds a file system. */
    Path gpt(String mkfs, long bytes) throws IOException, InterruptedException {
        long last = bytes / SECTOR - 1;
        long end = last - GPT_END_SECTORS;
        long partition = (end + 1) * SECTOR - PARTITION_AT;
        Path image = behindATable(mkfs, bytes, partition);
        ByteBuffer protective = little(SECTOR);
        protective.put(446 + 4, (byte) 0xEE);
        protective.putInt(446 + 8, 1);
        protective.putInt(446 + 12, (int) last);
        protective.putShort(510, (short) 0xAA55);
        put(image, 0, protective);
        ByteBuffer entries = little(GPT_ENTRIES * GPT_ENTRY_BYTES);
        entries.putLong(0, 0x477284830FC63DAFL).putLong(8, 0xE47D47D8693D798EL); // "Linux filesystem data"
        entries.putLong(16, 1).putLong(24, 2);
        entries.putLong(32, PARTITION_AT / SECTOR).putLong(40, end);
        put(image, 2 * SECTOR, entries);
        put(image, (last - GPT_END_SECTORS + 1) * SECTOR, entries);
        put(image, SECTOR, header(1, last, 2, end, entries));
        put(image, last * SECTOR, header(last, 1, last - GPT_END_SECTORS + 1, end, entries));
        return image;
    }

    private static ByteBuffer header(long own, long other, long table, long lastUsable, ByteBuffer entries) {
        ByteBuffer header = little(SECTOR);
        header.putLong(0, 0x5452415020494645L).putInt(8, 0x10000).putInt(12, 92);
        header.putLong(24, own).putLong(32, other).putLong(40, 34).putLong(48, lastUsable);
        header.putLong(56, 3)
                .putLong(64, 4)
                .putLong(72, table)
                .putInt(80, GPT_ENTRIES)
                .putInt(84, GPT_ENTRY_BYTES);
        header.putInt(88, crc(entries, entries.capacity()));
        header.putInt(16, crc(header, 92));
        return header;
    }

    private static int crc(ByteBuffer bytes, int length) {
        CRC32 sum = new CRC32();
        sum.update(bytes.duplicate().clear().limit(length));
        return (int) sum.getValue();
    }

    private Path behindATable(String mkfs, long bytes, long partition) throws IOException, InterruptedException {
        byte[] inside = Files.readAllBytes(fileSystem(mkfs, partition));
        Path image = folder.resolve("partitioned.img");
        Files.deleteIfExists(image);
        resize(image, bytes);
        put(image, PARTITION_AT, ByteBuffer.wrap(inside));
        return image;
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static void resize(Path image, long bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(bytes);
        }
    }

    private static void put(Path image, long at, ByteBuffer bytes) throws IOException {
        try (FileChannel file = FileChannel.open(image, StandardOpenOption.WRITE)) {
            ByteBuffer left = bytes.duplicate().clear();
            while (left.hasRemaining()) {
                file.write(left, at + left.position());
            }
        }
    }
}
