package redoubt.assembly;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeState;

/** Goal: nothing is written that would lose data, until somebody insists; and what was missing at a write is old from then on. */
class WritableTest {

    private static final long PATIENCE_NANOS = 30_000_000_000L;
    private static final byte[] BLOCK = new byte[4096];

    @TempDir
    Path folder;

    private Corpus corpus;

    @BeforeEach
    void findTheCorpus() {
        Assumptions.assumeTrue(Corpus.root().isPresent(), Corpus.SKIPPED);
        corpus = new Corpus(folder);
    }

    private static List<Disk> without(Corpus.Case each, int... missing) {
        List<Disk> disks = new ArrayList<>();
        for (int member = 0; member < each.images().size(); member++) {
            int number = member;
            if (java.util.Arrays.stream(missing).noneMatch(gone -> gone == number)) {
                disks.add(each.known(member));
            }
        }
        return disks;
    }

    private static AssemblyRefused refusal(Rig rig, List<Disk> disks, Insistence... insisted) {
        try (AssembledContainer container = writable(rig, disks, insisted)) {
            throw new AssertionError("not refused: " + container.volumes());
        } catch (AssemblyRefused refused) {
            return refused;
        }
    }

    private static AssembledContainer writable(Rig rig, List<Disk> disks, Insistence... insisted)
            throws AssemblyRefused {
        return rig.assembly.assemble(
                disks,
                Access.WRITE,
                AssemblyOptions.WRITABLE.insisting(Set.of(insisted)),
                rig.memory,
                rig.complaints::add);
    }

    @Test
    void aDegradedArrayIsWrittenOnlyWhenInsistedOn() throws Exception {
        Corpus.Case each = corpus.get("imsm-r1-2d");
        try (Rig rig = new Rig()) {
            AssemblyRefused refused = refusal(rig, without(each, 0));
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(refused.sentence()).contains("/dev/vda").contains("--allow-degraded");
            try (AssembledContainer container = writable(rig, without(each, 0), Insistence.DEGRADED)) {
                container.start(PATIENCE_NANOS);
                assertThat(container.stop(PATIENCE_NANOS)).isTrue();
            }
            // Nothing was written: the disk that was missing comes back as it was.
            assertThat(rig.digest(without(each, 1), "v"))
                    .isEqualTo(each.volume("v").sha256());
        }
    }

    @Test
    void whatWasMissingAtAWriteIsStaleAfterwards() throws Exception {
        Corpus.Case each = corpus.get("imsm-r1-2d");
        try (Rig rig = new Rig()) {
            String now;
            try (AssembledContainer container = writable(rig, without(each, 0), Insistence.DEGRADED)) {
                container.start(PATIENCE_NANOS);
                AssembledContainer.Volume volume = container.volume("v").orElseThrow();
                new DiskReads("v", volume.array(), rig.memory, PATIENCE_NANOS).write(0, BLOCK);
                now = rig.digest(volume.array());
                assertThat(container.stop(PATIENCE_NANOS)).isTrue();
            }
            assertThat(rig.complaints).isEmpty();
            Scan scan = rig.assembly.scan(without(each), PATIENCE_NANOS);
            assertThat(scan.disks().get(0).role()).isEqualTo(ScannedDisk.Role.STALE);
            FoundVolume found = scan.containers().getFirst().volumes().getFirst();
            assertThat(found.picture().recorded()).isEqualTo(VolumeState.DEGRADED);
            assertThat(found.picture().dirty()).isFalse();
            assertThat(found.picture().slots().stream().filter(slot -> slot.state() == SlotState.IN_SYNC))
                    .hasSize(1);
            assertThat(rig.digest(without(each), "v")).isEqualTo(now);
        }
    }

    @Test
    void aDirtyDegradedParityArrayHasItsOwnWordToInsist() throws Exception {
        Corpus.Case each = corpus.get("imsm-r5-dirty-crash");
        try (Rig rig = new Rig()) {
            AssemblyRefused refused = refusal(rig, without(each, 1), Insistence.DEGRADED);
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(refused.sentence()).contains(Insistence.WRITE_HOLE.option());
            try (AssembledContainer container = writable(rig, without(each, 1), Insistence.WRITE_HOLE)) {
                container.start(PATIENCE_NANOS);
                // It is dirty already, so writes will not ask first: the missing member is recorded at once.
                assertThat(container.picture().volumes().getFirst().recorded()).isEqualTo(VolumeState.DEGRADED);
                container.stop(PATIENCE_NANOS);
            }
        }
    }

    @Test
    void aVolumeWithALogOfItsOwnIsReadOnly() {
        Corpus.Case each = corpus.get("imsm-r5-4d-16k-ppl");
        try (Rig rig = new Rig()) {
            AssemblyRefused refused = refusal(rig, without(each), Insistence.values());
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(refused.sentence()).contains("read-only").contains("PPL");
        }
    }

    @Test
    void aRebuildThatWasInterruptedIsReadOnly() {
        Corpus.Case each = corpus.get("imsm-r1-rebuilding-spare");
        try (Rig rig = new Rig()) {
            AssemblyRefused refused = refusal(rig, without(each), Insistence.values());
            assertThat(refused.reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(refused.sentence()).contains("rebuild");
        }
    }

    @Test
    void aSecondWriterIsRefused() throws Exception {
        Corpus.Case each = corpus.get("imsm-r1-2d");
        try (Rig rig = new Rig();
                AssembledContainer first = writable(rig, without(each))) {
            first.start(PATIENCE_NANOS);
            assertThat(refusal(rig, without(each)).reason()).isEqualTo(AssemblyRefused.Reason.WOULD_LOSE_DATA);
            assertThat(first.stop(PATIENCE_NANOS)).isTrue();
        }
    }

    @Test
    void aMemberThatMissedTheLastRoundIsWrittenWholeFirst() throws Exception {
        Corpus.Case each = corpus.get("imsm-r5-3d-64k");
        try (Rig rig = new Rig()) {
            java.nio.file.Files.copy(each.images().get(2), folder.resolve("before.img"));
            try (AssembledContainer container = writable(rig, without(each))) {
                container.start(PATIENCE_NANOS);
                java.util.concurrent.CountDownLatch recorded = new java.util.concurrent.CountDownLatch(1);
                container
                        .keeper()
                        .orElseThrow()
                        .post(new redoubt.metadata.MetadataEvent.MarkDirty(0), durable -> recorded.countDown());
                assertThat(recorded.await(30, java.util.concurrent.TimeUnit.SECONDS))
                        .isTrue();
                container.stop(PATIENCE_NANOS);
            }
            java.nio.file.Files.copy(
                    folder.resolve("before.img"),
                    each.images().get(2),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            assertThat(rig.assembly
                            .scan(without(each), PATIENCE_NANOS)
                            .disks()
                            .get(2)
                            .because())
                    .contains("missed 1 metadata write");
            try (AssembledContainer container = writable(rig, without(each))) {
                container.start(PATIENCE_NANOS);
                assertThat(container.stop(PATIENCE_NANOS)).isTrue();
            }
            Scan scan = rig.assembly.scan(without(each), PATIENCE_NANOS);
            assertThat(scan.disks()).allMatch(disk -> disk.because().contains("its metadata is the newest"));
        }
    }
}
