package redoubt.assembly;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.Finding;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;

/**
 * Which arrays a set of disks forms: reads the metadata of each, groups the disks into containers, lets the newest metadata win, finds out
 * which disk is which, and says of every disk what it is good for. The answer does not depend on the order of the disks. Nothing is written.
 *
 * @param disks every disk, in the order in which they were given
 * @param containers what they form, the largest first
 */
public record Scan(List<ScannedDisk> disks, List<FoundContainer> containers) {

    /** Takes unchangeable copies. */
    public Scan {
        disks = List.copyOf(disks);
        containers = List.copyOf(containers);
    }

    /** Scans disks that are open. */
    static Scan of(DiskSet set, List<MetadataFormat> formats) {
        DiskScanner scanner = new DiskScanner(formats);
        Map<Integer, ScannedDisk> disks = new TreeMap<>();
        for (OpenDisk open : set.disks()) {
            disks.put(open.number(), scanner.scan(open));
        }
        List<FoundContainer> containers = new ArrayList<>();
        for (MetadataFormat format : formats) {
            for (ContainerChoice choice : format.choose(candidates(format, disks, Map.of()))) {
                containers.add(new Search(set, format, disks).container(choice));
            }
        }
        return new Scan(List.copyOf(disks.values()), containers);
    }

    /**
     * The disks as a format sees them.
     *
     * @param numbers the number by which each is to be called; where it is empty, all disks by their own
     */
    static List<Candidate> candidates(
            MetadataFormat format, Map<Integer, ScannedDisk> disks, Map<Integer, Integer> numbers) {
        List<Candidate> candidates = new ArrayList<>();
        for (ScannedDisk disk : disks.values()) {
            boolean wanted = numbers.isEmpty() || numbers.containsKey(disk.number());
            if (wanted
                    && disk.format().equals(Optional.of(format.name()))
                    && disk.geometry().isPresent()) {
                candidates.add(new Candidate(
                        numbers.getOrDefault(disk.number(), disk.number()),
                        disk.geometry().get(),
                        disk.serial().map(KnownSerial::text),
                        disk.finding().orElseGet(Finding.Absent::new)));
            }
        }
        return candidates;
    }

    /** The search within one container. Changes the roles of its disks in the map. */
    private static final class Search {
        private final DiskSet set;
        private final MetadataFormat format;
        private final Map<Integer, ScannedDisk> disks;

        Search(DiskSet set, MetadataFormat format, Map<Integer, ScannedDisk> disks) {
            this.set = set;
            this.format = format;
            this.disks = disks;
        }

        FoundContainer container(ContainerChoice choice) {
            List<Integer> numbers =
                    choice.placements().stream().map(Placement::disk).toList();
            choice.placements().forEach(this::take);
            return switch (choice) {
                case ContainerChoice.Contradiction(var uuid, String because, var placements) ->
                    new FoundContainer(
                            format.name(),
                            uuid,
                            Optional.empty(),
                            Optional.of(named(because, numbers)),
                            List.of(),
                            numbers);
                case ContainerChoice.Chosen chosen -> chosen(chosen, numbers);
            };
        }

        /** The format calls disks by number; people know them by their paths. */
        private String named(String because, List<Integer> numbers) {
            StringBuilder which = new StringBuilder();
            for (int number : numbers) {
                which.append(which.isEmpty() ? "" : ", ")
                        .append(number)
                        .append(" is ")
                        .append(disk(number).disk().location());
            }
            return because + " (" + which + ")";
        }

        private FoundContainer chosen(ContainerChoice.Chosen chosen, List<Integer> numbers) {
            Identification.Outcome outcome = format.namesItsMembers()
                    ? Identification.Outcome.saidByTheMembers(
                            chosen.container().picture().volumes().size())
                    : new Identification(chosen, disks, new Evidence(set.disks())).resolve();
            outcome.leftOut().forEach((number, why) -> put(disk(number).in(ScannedDisk.Role.STALE, why)));
            ContainerPicture before = chosen.container().picture();
            if (outcome.contradiction() != null) {
                return new FoundContainer(
                        format.name(),
                        before.uuid(),
                        Optional.empty(),
                        Optional.of(outcome.contradiction()),
                        List.of(),
                        numbers);
            }
            Map<Integer, Integer> used = new HashMap<>();
            for (Placement placement : chosen.placements()) {
                if (belongs(placement, outcome)) {
                    used.put(placement.disk(), placement.disk());
                }
            }
            boolean certain = outcome.volumes().stream()
                    .noneMatch(identity ->
                            identity instanceof Identity.Ambiguous || identity instanceof Identity.Indifferent);
            KnownSerial.Origin origin = certain ? KnownSerial.Origin.EVIDENCE : KnownSerial.Origin.ASSUMED;
            outcome.entryOfDisk().forEach((number, entry) -> {
                before.disks()
                        .get(entry)
                        .serial()
                        .ifPresent(serial -> put(disk(number).known(new KnownSerial(serial, origin))));
            });
            Optional<ContainerMetadata> known = again(chosen, used);
            if (known.isEmpty()) {
                return new FoundContainer(
                        format.name(),
                        before.uuid(),
                        Optional.empty(),
                        Optional.of(
                                "none of the disks of which it is known which they are has whole metadata; give the serials of the others"),
                        List.of(),
                        numbers);
            }
            ContainerMetadata container = known.get();
            outcome.entryOfDisk()
                    .forEach(
                            (number, entry) -> put(
                                    disk(number)
                                            .in(
                                                    certain ? ScannedDisk.Role.MEMBER : ScannedDisk.Role.UNPLACED,
                                                    certain
                                                            ? "it is disk %d of the container".formatted(entry)
                                                            : "it belongs to the container, but without its serial nothing says which disk it is")));
            ContainerPicture picture = container.picture();
            List<FoundVolume> volumes = new ArrayList<>();
            for (int i = 0; i < picture.volumes().size(); i++) {
                volumes.add(Readiness.of(
                        picture, picture.volumes().get(i), outcome.volumes().get(i), names(), Set.of()));
            }
            return new FoundContainer(
                    format.name(), picture.uuid(), Optional.of(container), Optional.empty(), volumes, numbers);
        }

        private static boolean belongs(Placement placement, Identification.Outcome outcome) {
            if (outcome.leftOut().containsKey(placement.disk())) {
                return false;
            }
            return switch (placement.verdict()) {
                case Verdict.Member member -> true;
                case Verdict.Spare() -> true;
                case Verdict.Unplaced unplaced -> outcome.entryOfDisk().containsKey(placement.disk());
                case Verdict.Stale() -> false;
                case Verdict.Foreign() -> false;
            };
        }

        /** Asks the format once more, now that every disk that is used has a serial. */
        private Optional<ContainerMetadata> again(ContainerChoice.Chosen first, Map<Integer, Integer> used) {
            if (used.isEmpty()) {
                return Optional.of(first.container());
            }
            for (ContainerChoice choice : format.choose(candidates(format, disks, used))) {
                if (choice instanceof ContainerChoice.Chosen(ContainerMetadata container, var placements)
                        && container.picture().uuid().equals(first.uuid())) {
                    return Optional.of(container);
                }
            }
            return Optional.empty();
        }

        private List<String> names() {
            return set.disks().stream().map(OpenDisk::name).toList();
        }

        private void take(Placement placement) {
            ScannedDisk.Role role = switch (placement.verdict()) {
                case Verdict.Member member -> ScannedDisk.Role.MEMBER;
                case Verdict.Spare() -> ScannedDisk.Role.SPARE;
                case Verdict.Unplaced unplaced -> ScannedDisk.Role.UNPLACED;
                case Verdict.Stale() -> ScannedDisk.Role.STALE;
                case Verdict.Foreign() -> ScannedDisk.Role.FOREIGN;
            };
            put(disk(placement.disk()).in(role, placement.because()));
        }

        private ScannedDisk disk(int number) {
            @Nullable ScannedDisk disk = disks.get(number);
            if (disk == null) {
                throw new IllegalStateException("a format placed a disk that it was not given: " + number);
            }
            return disk;
        }

        private void put(ScannedDisk disk) {
            disks.put(disk.number(), disk);
        }
    }
}
