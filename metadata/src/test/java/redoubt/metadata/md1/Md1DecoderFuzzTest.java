package redoubt.metadata.md1;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import redoubt.base.Sectors;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;

/**
 * Goal: whatever stands on a disk, the decoder answers with a finding, and what it accepts can be shown, chosen and encoded. Method: Jazzer feeds it
 * superblocks; magic and sum are made right, since else nothing behind them would be reached. The corpus beside this class holds superblocks
 * of real arrays and runs with every build; {@code JAZZER_FUZZ=1} lets Jazzer look for more.
 *
 * <p>First byte of the input: bits 0 and 1 the minor version, bit 2 sectors of 4096 bytes, bit 3 leave the sum alone, bit 4 leave super_offset alone.
 * Then the superblock; what is behind 4096 bytes stands where the bad block log is said to be.
 */
@Tag("slow")
class Md1DecoderFuzzTest {

    private static final long DISK_BYTES = 64L << 20;
    private static final List<Md1Minor> MINORS = List.of(Md1Minor.V1_0, Md1Minor.V1_1, Md1Minor.V1_2);

    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    @FuzzTest(maxDuration = "5m")
    void decoderAnswersEverySuperblock(byte[] input) throws Exception {
        if (input.length < 1 + Md1Superblock.HEADER_BYTES) {
            return;
        }
        Md1Minor minor = MINORS.get((input[0] & 3) % 3);
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, (input[0] & 4) == 0 ? 512 : 4096);
        byte[] block = Arrays.copyOf(Arrays.copyOfRange(input, 1, input.length), Md1Superblock.BLOCK_BYTES);
        long sector = minor.superblockSector(geometry);
        LittleEndian.putWord(block, Md1Superblock.MAGIC_AT, Md1Superblock.MAGIC);
        if ((input[0] & 16) == 0) {
            LittleEndian.putLong64(block, Md1Superblock.SUPER_OFFSET_AT, sector);
        }
        if ((input[0] & 8) == 0) {
            Superblocks.summedUp(block);
        }
        byte[] rest = input.length > 1 + block.length
                ? Arrays.copyOfRange(input, 1 + block.length, input.length)
                : new byte[0];
        Finding finding = new Md1Format(minor).probe(geometry, (at, length) -> {
            byte[] bytes = Arrays.copyOf(at == Sectors.toBytes(sector) ? block : rest, length);
            assertThat(at >= 0 && at + length <= DISK_BYTES)
                    .as("%d bytes at %d", length, at)
                    .isTrue();
            return bytes;
        });
        if (finding instanceof Finding.Whole(Md1DiskMetadata metadata)) {
            metadata.picture();
            metadata.claims();
            metadata.report(Optional.empty())
                    .sections()
                    .forEach(section ->
                            section.fields().forEach(field -> field.value().shown()));
            assertThat(Arrays.copyOf(
                            metadata.superblock().encode(512),
                            metadata.superblock().bytes()))
                    .isEqualTo(Arrays.copyOf(block, metadata.superblock().bytes()));
            for (ContainerChoice choice :
                    new Md1Format(minor).choose(List.of(new Candidate(0, geometry, Optional.empty(), finding)))) {
                assertThat(choice.placements()).hasSize(1);
            }
        }
    }
}
