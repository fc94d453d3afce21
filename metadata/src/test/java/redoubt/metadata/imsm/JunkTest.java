package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Candidate;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.NewDisk;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePlan;
import redoubt.metadata.WriteRound;

/**
 * Blocks that carry what this codec does not keep, such as the junk that old firmware left in high words: after a round of writes every disk
 * is whole, for the checksum in the anchor covers the extension too, also where a round leaves that out.
 */
@Tag("slow")
class JunkTest {

    private static final ImsmFormat FORMAT = new ImsmFormat();
    private static final long DISK_BYTES = 64 << 20;
    private static final int TAIL_BYTES = 128 << 10;
    private static final int[] JUNK = {0x01, 0x5A, 0xFF};
    private static final List<MetadataEvent> ROUNDS =
            List.of(new MetadataEvent.MarkDirty(0), new MetadataEvent.MarkClean(0), new MetadataEvent.MarkDirty(0));

    /** The end of a disk, where all metadata stands; what is before it reads as zeroes. */
    private static final class Tail {
        private static final long BEGIN = DISK_BYTES - TAIL_BYTES;
        private final byte[] bytes = new byte[TAIL_BYTES];

        Tail(byte[] block, DiskGeometry geometry) {
            ImsmPlaces places = ImsmPlaces.of(geometry, LittleEndian.word(block, ImsmHeader.MPB_SIZE_AT));
            int sector = geometry.sectorBytes();
            put(places.anchorAt(), Arrays.copyOf(block, sector));
            if (block.length > sector) {
                put(places.extensionAt(), Arrays.copyOfRange(block, sector, block.length));
            }
        }

        BlockReader reader() {
            return (offset, length) -> {
                int from = (int) (offset - BEGIN);
                return from < 0 ? new byte[length] : Arrays.copyOfRange(bytes, from, from + length);
            };
        }

        void put(long offset, byte[] from) {
            System.arraycopy(from, 0, bytes, (int) (offset - BEGIN), from.length);
        }
    }

    private static ContainerMetadata created(RaidLevel level, int count, int volumes, int sector)
            throws MetadataRefused {
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, sector);
        List<NewDisk> disks = new ArrayList<>();
        List<OptionalInt> slots = new ArrayList<>();
        for (int disk = 0; disk < count; disk++) {
            disks.add(new NewDisk(disk, geometry, "DISK" + disk, 0));
            slots.add(OptionalInt.of(disk));
        }
        ContainerMetadata container = FORMAT.create(disks);
        for (int volume = 0; volume < volumes; volume++) {
            VolumePlan plan = new VolumePlan(
                    "v" + volume,
                    level,
                    OptionalInt.empty(),
                    OptionalLong.of(16_384),
                    slots,
                    ConsistencyPolicy.NONE,
                    true);
            container = FORMAT.addVolume(container, plan, new MetadataEvent.Seeds(42, Optional.of(1_700_000_000L)));
        }
        return container.write(Optional.empty()).image();
    }

    private static byte[] withJunk(byte[] block, int at, int junk) {
        byte[] changed = block.clone();
        changed[at] = (byte) junk;
        LittleEndian.putWord(changed, ImsmHeader.CHECK_SUM_AT, 0);
        LittleEndian.putWord(
                changed,
                ImsmHeader.CHECK_SUM_AT,
                ImsmChecksum.of(changed, LittleEndian.word(block, ImsmHeader.MPB_SIZE_AT)));
        return changed;
    }

    private static List<Candidate> candidates(List<Tail> tails, DiskGeometry geometry) throws Exception {
        List<Candidate> candidates = new ArrayList<>();
        for (int disk = 0; disk < tails.size(); disk++) {
            Finding finding = FORMAT.probe(geometry, tails.get(disk).reader());
            candidates.add(new Candidate(disk, geometry, Optional.of("DISK" + disk), finding));
        }
        return candidates;
    }

    private static boolean allWhole(List<Candidate> candidates) {
        return candidates.stream().allMatch(candidate -> candidate.finding() instanceof Finding.Whole);
    }

    private static ContainerMetadata carryOut(WriteRound round, List<Tail> tails) {
        for (WriteRound.MemberWrites writes : round.members()) {
            for (WriteRound.Step step : writes.steps()) {
                if (step instanceof WriteRound.Step.Put(long offset, var bytes)) {
                    tails.get(writes.disk()).put(offset, bytes.toArray());
                }
            }
        }
        return round.image();
    }

    /**
     * Goal: no event tears the metadata of any disk, whatever stood there. Method: junk in every byte of a block, on all disks and on the
     * last one only; where that is still a container, the array becomes dirty and clean, and every disk must be whole each time.
     */
    @ParameterizedTest
    @CsvSource({"RAID10, 4, 1, 512", "RAID5, 4, 1, 512", "RAID1, 2, 2, 512", "RAID5, 3, 2, 512", "RAID10, 4, 1, 4096"})
    void everyDiskIsWholeAfterEveryRound(RaidLevel level, int count, int volumes, int sector) throws Exception {
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, sector);
        byte[] block =
                ImsmContainer.of(created(level, count, volumes, sector)).mpb().encode(sector);
        int size = LittleEndian.word(block, ImsmHeader.MPB_SIZE_AT);
        int containers = 0;
        for (int at = 0; at < size; at++) {
            boolean sizeItself = at >= ImsmHeader.MPB_SIZE_AT && at < ImsmHeader.MPB_SIZE_AT + Integer.BYTES;
            for (int junk : sizeItself ? new int[0] : JUNK) {
                byte[] dirtied = withJunk(block, at, junk);
                for (int first : new int[] {0, count - 1}) {
                    List<Tail> tails = IntStream.range(0, count)
                            .mapToObj(disk -> new Tail(disk >= first ? dirtied : block, geometry))
                            .toList();
                    containers += survivesRounds(tails, geometry, "byte %d, junk %#x".formatted(at, junk)) ? 1 : 0;
                }
            }
        }
        assertThat(containers)
                .as("blocks with junk that are containers all the same")
                .isGreaterThan(300);
    }

    /** Carries out the rounds, if the disks form one container; answers whether they do. */
    private static boolean survivesRounds(List<Tail> tails, DiskGeometry geometry, String what) throws Exception {
        List<Candidate> found = candidates(tails, geometry);
        List<ContainerChoice> choices = FORMAT.choose(found);
        if (!allWhole(found)
                || choices.size() != 1
                || !(choices.getFirst() instanceof ContainerChoice.Chosen(ContainerMetadata image, var where))
                || image.picture().volumes().isEmpty()
                || IntStream.range(0, tails.size())
                        .anyMatch(disk -> image.indexOf(disk).isEmpty())) {
            return false;
        }
        ContainerMetadata onDisk = image;
        for (MetadataEvent event : ROUNDS) {
            ContainerMetadata next;
            try {
                next = onDisk.apply(event);
            } catch (MetadataRefused refused) {
                return false;
            }
            onDisk = carryOut(next.write(Optional.of(onDisk)), tails);
            assertThat(allWhole(candidates(tails, geometry)))
                    .as("%s, after %s", what, event)
                    .isTrue();
        }
        return true;
    }

    /** Goal: the dirty mark of a block without junk is one sector, which cannot tear, from the first round on. */
    @Test
    void whatWasFoundInItsOwnBytesIsNotWrittenAgain() throws Exception {
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, 512);
        byte[] block =
                ImsmContainer.of(created(RaidLevel.RAID10, 4, 1, 512)).mpb().encode(512);
        List<Tail> tails = IntStream.range(0, 4)
                .mapToObj(disk -> new Tail(block, geometry))
                .toList();
        ContainerChoice choice = FORMAT.choose(candidates(tails, geometry)).getFirst();
        ContainerMetadata onDisk = ((ContainerChoice.Chosen) choice).container();
        WriteRound round = onDisk.apply(new MetadataEvent.MarkDirty(0)).write(Optional.of(onDisk));
        assertThat(block.length).isGreaterThan(512);
        assertThat(round.members())
                .hasSize(4)
                .allSatisfy(writes -> assertThat(writes.steps())
                        .filteredOn(step -> step instanceof WriteRound.Step.Put)
                        .hasSize(1));
    }

    /**
     * Goal: of two blocks of one generation the same one wins in every order. Method: one disk wrote the dirty mark and died; the other went
     * on alone, recorded the loss as the same generation, and died too.
     */
    @Test
    void aTieOfGenerationsDoesNotDependOnTheOrder() throws Exception {
        ContainerMetadata clean = created(RaidLevel.RAID1, 2, 1, 512);
        ContainerMetadata first = clean.apply(new MetadataEvent.MarkDirty(0))
                .write(Optional.of(clean))
                .image();
        ContainerMetadata lone = clean.apply(new MetadataEvent.DiskGone(0));
        ContainerMetadata second = lone.apply(new MetadataEvent.VolumeActivated(0))
                .write(Optional.of(lone))
                .image();
        for (int lost = 0; lost < 2; lost++) {
            int survivor = 1 - lost;
            List<ContainerChoice> choices =
                    FORMAT.choose(List.of(candidate(lost, "DISK0", first), candidate(survivor, "DISK1", second)));
            assertThat(choices).hasSize(1);
            assertThat(choices.getFirst()).as("lost is %d", lost).isInstanceOf(ContainerChoice.Chosen.class);
            ContainerMetadata chosen = ((ContainerChoice.Chosen) choices.getFirst()).container();
            assertThat(chosen.indexOf(survivor)).hasValue(1);
            assertThat(chosen.indexOf(lost)).isEmpty();
        }
    }

    private static Candidate candidate(int number, String serial, ContainerMetadata image) {
        DiskGeometry geometry = new DiskGeometry(DISK_BYTES, 512);
        ImsmSuper block = ImsmContainer.of(image).mpb();
        return new Candidate(
                number,
                geometry,
                Optional.of(serial),
                new Finding.Whole(new ImsmDiskMetadata(block, geometry, Optional.empty())));
    }
}
