package redoubt.metadata.imsm;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import redoubt.metadata.Candidate;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;

/**
 * Goal: whatever stands on a disk, the decoder answers with a finding, and what it accepts can be used and written. Method: Jazzer feeds
 * it blocks; the checksum is made right, since else nothing behind it would be reached. The corpus beside this class holds the blocks of
 * real arrays and runs with every build; {@code JAZZER_FUZZ=1} lets Jazzer look for more.
 *
 * <p>First byte of the input: bit 0 sectors of 4096 bytes, bit 1 leave the checksum alone, bit 2 change a word of the extension when the sum has been
 * made, as a write that was cut leaves it: the last six bytes of the input say where (2), and what is added to it (4). The rest is the block in
 * its own order.
 */
@Tag("slow")
class ImsmDecoderFuzzTest {

    private static final long DISK_BYTES = 96L << 20;
    private static final int CUT_BYTES = 6;

    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    @FuzzTest(maxDuration = "5m")
    void decoderAnswersEveryBlock(byte[] input) throws Exception {
        if (input.length < 1 + ImsmPlaces.MPB_BYTES_MIN) {
            return;
        }
        int sector = (input[0] & 1) == 0 ? 512 : 4096;
        boolean cut = (input[0] & 4) != 0;
        int given = Math.min(input.length - 1 - (cut ? CUT_BYTES : 0), ImsmPlaces.MPB_BYTES_MAX);
        if (given < ImsmPlaces.MPB_BYTES_MIN) {
            return;
        }
        byte[] block = Arrays.copyOf(Arrays.copyOfRange(input, 1, 1 + given), Math.ceilDiv(given, sector) * sector);
        ImsmHeader.signature(ImsmHeader.VERSION).copyTo(block, 0);
        Rig.MemoryDisk disk = new Rig.MemoryDisk(new DiskGeometry(DISK_BYTES, sector));
        long stated = LittleEndian.u32(block, ImsmHeader.MPB_SIZE_AT);
        // Bit 1 keeps a wrong sum: a size of 0 words sums up to something else than the word that is there.
        disk.writeBlock(block, (input[0] & 2) != 0 ? 0 : (int) Math.min(stated, block.length));
        if (cut) {
            cutTheNextWrite(disk, block, input);
        }
        if (disk.probe() instanceof Finding.Whole whole) {
            for (String serial : new String[] {"/dev/vda", "/dev/vdb"}) {
                ImsmChoiceExercise.exercise(new Candidate(0, disk.geometry(), Optional.of(serial), whole));
            }
        }
    }

    private static void cutTheNextWrite(Rig.MemoryDisk disk, byte[] block, byte[] input) {
        int sector = disk.geometry().sectorBytes();
        int at = LittleEndian.u16(input, input.length - CUT_BYTES);
        if (at < sector || at + 4 > block.length) {
            return;
        }
        LittleEndian.putWord(
                block, at, LittleEndian.word(block, at) + LittleEndian.word(input, input.length - CUT_BYTES + 2));
        disk.write(
                ImsmPlaces.of(disk.geometry(), block.length).extensionAt(),
                Arrays.copyOfRange(block, sector, block.length));
    }
}
