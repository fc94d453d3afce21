package redoubt.metadata.imsm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import redoubt.metadata.Bytes;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.Corpus;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataEvent.Seeds;

/**
 * Goal: our events leave the bytes that mdmon left. Method: the corpus keeps members that failed, with the metadata of the moment before;
 * replay on that what happened then, and compare with what mdmon wrote on the survivors. Only the generation differs (mdmon counts its own
 * writes), and for a rebuild the random part of the family.
 */
class CorpusEventsTest {

    /** The container as it was when the disk that carries this block was last written: all members present. */
    private static ContainerMetadata before(String name, int staleMember, int members, int spare) throws Exception {
        ImsmSuper mpb =
                CorpusAgreementTest.decoded(Corpus.disk(name, staleMember)).mpb();
        List<ImsmMember> disks = new java.util.ArrayList<>();
        for (int n = 0; n < members; n++) {
            int index = mpb.indexOf(Corpus.serial(n));
            disks.add(new ImsmMember(
                    n, Corpus.disk(name, n).geometry(), Corpus.serial(n), 0, n == spare ? ImsmMember.SPARE : index));
        }
        return new ImsmContainer(mpb, 512, disks);
    }

    private static void assertSameBlock(ContainerMetadata ours, String name, int survivor, boolean familyToo)
            throws Exception {
        ImsmSuper theirs =
                CorpusAgreementTest.decoded(Corpus.disk(name, survivor)).mpb();
        ImsmSuper mine = ImsmContainer.of(ours).mpb().withGeneration(theirs.generation());
        if (!familyToo) {
            mine = mine.withFamily(theirs.family(), theirs.originalFamily());
        }
        assertThat(mine.disks()).isEqualTo(theirs.disks());
        assertThat(mine.devs()).isEqualTo(theirs.devs());
        int size = theirs.bytes();
        assertThat(Bytes.of(mine.encode(512), 0, size)).isEqualTo(Bytes.of(theirs.encode(512), 0, size));
    }

    @Test
    void failureOfMirrorMember() throws Exception {
        Corpus.root();
        ContainerMetadata ours = before("imsm-r1-degraded", 0, 2, -1)
                .apply(new MetadataEvent.MemberFailed(0, 1))
                .apply(new MetadataEvent.MarkClean(0));
        assertSameBlock(ours, "imsm-r1-degraded", 1, true);
    }

    @Test
    void failureOfRaid5Member() throws Exception {
        Corpus.root();
        ContainerMetadata ours = before("imsm-r5-degraded", 2, 4, -1)
                .apply(new MetadataEvent.MemberFailed(0, 3))
                .apply(new MetadataEvent.MarkClean(0));
        assertSameBlock(ours, "imsm-r5-degraded", 0, true);
    }

    @Test
    void mirrorRebuildingOntoSpare() throws Exception {
        Corpus.root();
        ContainerMetadata ours = before("imsm-r1-rebuilding-spare", 0, 3, 2)
                .apply(new MetadataEvent.MemberFailed(0, 0))
                .apply(new MetadataEvent.RebuildStarted(0, 0, 2, new Seeds(12345, Optional.empty())))
                .apply(new MetadataEvent.MarkClean(0))
                .apply(new MetadataEvent.SyncCheckpoint(0, 123 * 512 + 511));
        assertSameBlock(ours, "imsm-r1-rebuilding-spare", 1, false);
    }

    @Test
    void raid10RebuildingOntoSpare() throws Exception {
        Corpus.root();
        ContainerMetadata ours = before("imsm-r10-4d-rebuilding", 0, 5, 4)
                .apply(new MetadataEvent.MemberFailed(0, 1))
                .apply(new MetadataEvent.RebuildStarted(0, 1, 4, new Seeds(-7, Optional.empty())))
                .apply(new MetadataEvent.MarkClean(0))
                .apply(new MetadataEvent.SyncCheckpoint(0, 74 * 512));
        assertSameBlock(ours, "imsm-r10-4d-rebuilding", 1, false);
    }
}
