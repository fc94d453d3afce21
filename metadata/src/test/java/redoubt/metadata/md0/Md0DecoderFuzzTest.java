package redoubt.metadata.md0;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Finding;

/**
 * Goal: whatever stands on a disk, the decoder answers with a finding, and what it accepts can be shown and chosen. Method: Jazzer feeds it superblocks;
 * magic and sum are made right, since else nothing behind them would be reached. The corpus beside this class holds superblocks of real arrays
 * and runs with every build; {@code JAZZER_FUZZ=1} lets Jazzer look for more.
 *
 * <p>First byte of the input: bit 0 big-endian, bit 1 leave the sum alone. Then the superblock; what is behind 4096 bytes is the disk's first sector.
 */
@Tag("slow")
class Md0DecoderFuzzTest {

    @Timeout(value = 10, unit = TimeUnit.MINUTES)
    @FuzzTest(maxDuration = "5m")
    void decoderAnswersEverySuperblock(byte[] input) throws Exception {
        if (input.length < 1 + Md0Superblock.TABLE_AT) {
            return;
        }
        ByteBuffer block = ByteBuffer.wrap(Arrays.copyOfRange(input, 1, 1 + Md0Superblock.BLOCK_BYTES))
                .order((input[0] & 1) == 0 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        block.putInt(Md0Superblock.MAGIC_AT, Md0Superblock.MAGIC);
        if ((input[0] & 2) == 0) {
            OldSuperblocks.summedUp(block);
        }
        byte[] superblock = OldSuperblocks.bytes(block);
        byte[] first = input.length > 1 + Md0Superblock.BLOCK_BYTES
                ? Arrays.copyOfRange(input, 1 + Md0Superblock.BLOCK_BYTES, input.length)
                : new byte[0];
        Finding finding = new Md0Format().probe(OldSuperblocks.GEOMETRY, OldSuperblocks.disk(superblock, first));
        if (finding instanceof Finding.Whole(Md0DiskMetadata metadata)) {
            metadata.picture();
            metadata.claims();
            metadata.report(Optional.empty())
                    .sections()
                    .forEach(section ->
                            section.fields().forEach(field -> field.value().shown()));
            assertThat(metadata.superblock().block().toArray()).isEqualTo(superblock);
            for (ContainerChoice choice : new Md0Format()
                    .choose(List.of(new Candidate(0, OldSuperblocks.GEOMETRY, Optional.empty(), finding)))) {
                assertThat(choice.placements()).hasSize(1);
            }
        }
    }
}
