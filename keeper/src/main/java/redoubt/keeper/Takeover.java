package redoubt.keeper;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import redoubt.md.MetadataKeeper;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.WriteRound;

/**
 * The engine takes the metadata back from a daemon that does not answer. The daemon is fenced before this begins; then, step by step on the
 * container's queue, each begun by the event that ended the one before:
 *
 * <ol>
 *   <li>door writes that had been passed on end;
 *   <li>the metadata of all members is read, for the daemon has written since the engine last knew it;
 *   <li>the best whole block is taken, and made to say what the engine knows to be true: who failed, who is dirty;
 *   <li>it is written, newer than everything that was seen or may be on a member that could not be read, to one member after another, each flushed.
 * </ol>
 *
 * <p>Everything waits for members only, each of which answers or is given up within its time limit.
 */
final class Takeover {

    /** A torn block may be the next one, but no number that it claims is believed that lies far ahead. */
    private static final long TORN_LEAD_LIMIT = 16;

    /** Who is told how it ended. */
    interface End {
        void ended(ContainerMetadata image, boolean durable, List<MetadataKeeper.Answer> taken);
    }

    private final ExternalKeeper keeper;
    private final MemberWriter writer;
    private final MetadataReads reads;
    private final End end;
    private final List<MetadataKeeper.Answer> taken = new ArrayList<>();
    private boolean reading;
    private boolean composed;

    Takeover(ExternalKeeper keeper, MemberWriter writer, End end) {
        this.keeper = keeper;
        this.writer = writer;
        this.end = end;
        this.reads = new MetadataReads(keeper.disks(), keeper.places(), () -> keeper.queueStep(this::compose));
    }

    /** Goes on if nothing is in flight at a door of whoever was fenced. On the queue. */
    void lookAtDoors(int writesInside) {
        if (!reading && writesInside == 0) {
            reading = true;
            reads.begin(keeper.disksOut());
        }
    }

    /** Whether the demands that there are go into the round; later ones have to wait for its end. */
    boolean isComposed() {
        return composed;
    }

    private void compose() {
        composed = true;
        List<Finding> findings = reads.findings(keeper.format());
        ContainerMetadata image = choose(findings).newerThan(highestGeneration(findings));
        for (ExternalVolume volume : keeper.volumes()) {
            volume.takeDemands(taken);
            for (MetadataEvent event : volume.truth()) {
                try {
                    image = image.apply(event);
                } catch (MetadataRefused refused) {
                    keeper.complain(refused.sentence());
                }
            }
        }
        ContainerMetadata before = image;
        try {
            WriteRound round = roundOver(image, findings);
            writer.write(
                    round,
                    new BitSet(),
                    how -> end.ended(
                            how == MemberWriter.Outcome.WRITTEN ? round.image() : before,
                            how == MemberWriter.Outcome.WRITTEN,
                            taken));
        } catch (MetadataRefused refused) {
            keeper.complain(refused.sentence());
            end.ended(before, false, taken);
        }
    }

    /**
     * The daemon may have written the next block to one member and to no other. Where that member counts and could not be read, the engine's block goes
     * past that one: two that differ in one generation, on members that both count, would contradict each other.
     */
    private static WriteRound roundOver(ContainerMetadata image, List<Finding> findings) throws MetadataRefused {
        WriteRound round = image.write(Optional.empty());
        boolean allRead =
                round.members().stream().noneMatch(writes -> findings.get(writes.disk()) instanceof Finding.Absent);
        return allRead
                ? round
                : image.newerThan(image.picture().generation() + 1).write(Optional.empty());
    }

    /** What the members carry, by the format's own choice; what the engine last knew where they carry nothing whole. */
    private ContainerMetadata choose(List<Finding> findings) {
        ContainerMetadata known = keeper.known();
        Optional<ContainerMetadata> best = chosen(known, findings);
        if (best.isEmpty()) {
            keeper.complain(
                    "No member carries whole metadata of this container; what was known before is written again.");
            return known;
        }
        // A member with a torn block is a member all the same: it gets what the others carry.
        long generation = best.get().picture().generation();
        for (Finding finding : findings) {
            if (finding instanceof Finding.Whole(var metadata)
                    && metadata.picture().generation() == generation) {
                List<Finding> filled = findings.stream()
                        .map(each -> each instanceof Finding.Whole ? each : finding)
                        .toList();
                return chosen(known, filled).orElse(best.get());
            }
        }
        return best.get();
    }

    private Optional<ContainerMetadata> chosen(ContainerMetadata known, List<Finding> findings) {
        List<Candidate> candidates = new ArrayList<>();
        for (DiskEntry entry : known.picture().disks()) {
            if (entry.disk().isPresent()) {
                int disk = entry.disk().getAsInt();
                candidates.add(new Candidate(disk, keeper.places().geometry(disk), entry.serial(), findings.get(disk)));
            }
        }
        for (ContainerChoice choice : keeper.format().choose(candidates)) {
            if (choice instanceof ContainerChoice.Chosen(ContainerMetadata container, var placements)
                    && container.picture().uuid().equals(known.picture().uuid())) {
                return Optional.of(container);
            }
        }
        return Optional.empty();
    }

    private long highestGeneration(List<Finding> findings) {
        long highest = keeper.known().picture().generation();
        for (Finding finding : findings) {
            if (finding instanceof Finding.Whole(var metadata)) {
                highest = Math.max(highest, metadata.picture().generation());
            }
        }
        for (Finding finding : findings) {
            if (finding instanceof Finding.Torn torn && torn.claim().generation() - highest <= TORN_LEAD_LIMIT) {
                highest = Math.max(highest, torn.claim().generation());
            }
        }
        return highest;
    }
}
