package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import redoubt.metadata.Candidate;
import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;

/** Does with an accepted block all that can be done with one, and checks that what is written reads back as the same. */
final class ImsmChoiceExercise {

    private ImsmChoiceExercise() {}

    static void exercise(Candidate candidate) throws Exception {
        Finding.Whole whole = (Finding.Whole) candidate.finding();
        whole.metadata().picture();
        whole.metadata().report(Optional.empty());
        whole.metadata().report(candidate.serial());
        List<ContainerChoice> choices = Rig.FORMAT.choose(List.of(candidate));
        Candidate nameless =
                new Candidate(candidate.disk(), candidate.geometry(), Optional.empty(), candidate.finding());
        Rig.FORMAT.choose(List.of(nameless));
        for (ContainerChoice choice : choices) {
            if (choice instanceof ContainerChoice.Chosen chosen) {
                live(chosen.container(), candidate.geometry());
            }
        }
    }

    private static void live(ContainerMetadata container, DiskGeometry geometry) throws Exception {
        List<MetadataEvent> life = List.of(
                new MetadataEvent.VolumeActivated(0),
                new MetadataEvent.MarkDirty(0),
                new MetadataEvent.ResyncStarted(0),
                new MetadataEvent.SyncCheckpoint(0, 100_000),
                new MetadataEvent.ResyncFinished(0),
                new MetadataEvent.SpareAdded(9, geometry, "NEW", 0),
                new MetadataEvent.RebuildStarted(0, 1, 9, Rig.SEEDS),
                new MetadataEvent.RebuildFinished(0, 1),
                new MetadataEvent.BadBlocksFound(0, 0, 12_345, 777),
                new MetadataEvent.PolicyChanged(0, ConsistencyPolicy.RESYNC),
                new MetadataEvent.MemberFailed(0, 0),
                new MetadataEvent.MarkClean(0),
                new MetadataEvent.MarkClean(77));
        ContainerMetadata now = container;
        for (MetadataEvent event : life) {
            try {
                now = now.apply(event);
            } catch (MetadataRefused refused) {
                assertThat(refused.sentence()).isNotBlank().doesNotContain("\n");
            }
            readsBack(now);
            now.picture();
        }
    }

    private static void readsBack(ContainerMetadata container) throws Exception {
        ImsmContainer imsm = ImsmContainer.of(container);
        if (imsm.mpb().withoutVolumes()) {
            return;
        }
        try {
            container.write(Optional.empty());
        } catch (MetadataRefused full) {
            assertThat(full.sentence()).contains("a block has at most");
            return;
        }
        byte[] block = imsm.mpb().encode(imsm.sectorBytes());
        ImsmSuper again = ImsmBlock.decode(block, new DiskGeometry(1L << 40, imsm.sectorBytes()));
        assertThat(again.encode(imsm.sectorBytes())).isEqualTo(block);
    }
}
