package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Finding;
import redoubt.metadata.MdUuid;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;

/**
 * From disks to containers (docs/FORMATS.md, "Which block wins"). Disks are grouped by identity; in each group the newest block wins,
 * unless the blocks show that two parts of the container each went on alone.
 *
 * <p>This differs from mdadm where mdadm would lose: a power cut in the round of writes that changes the family number leaves no block
 * that all its disks agree on, and mdadm then finds no container. Here the newest block wins as long as it and every other share an
 * active disk, for then the older was left behind by the newer.
 */
final class ImsmChoice {

    private ImsmChoice() {}

    /** A candidate with a whole block, or with a torn one that is believed. */
    record Copy(Candidate candidate, ImsmSuper mpb, boolean torn) {
        /** Index of this disk in its own block, or -1 when its serial is unknown or not there. */
        int ownIndex() {
            return candidate.serial().map(mpb::indexOf).orElse(-1);
        }

        /** Whether the disk's own block calls it unusable, so that it should not speak for the container. */
        boolean disowned() {
            if (candidate.serial().isEmpty()) {
                return false;
            }
            int own = ownIndex();
            return own < 0 || mpb.disks().get(own).failed();
        }

        boolean sameBlock(Copy other) {
            return mpb.family() == other.mpb.family()
                    && mpb.generation() == other.mpb.generation()
                    && mpb.disks().equals(other.mpb.disks())
                    && mpb.devs().equals(other.mpb.devs());
        }
    }

    static List<ContainerChoice> choose(List<Candidate> candidates) {
        List<Candidate> ordered = new ArrayList<>(candidates);
        ordered.sort(Comparator.comparingInt(Candidate::disk));
        Map<String, Long> newest = newestWhole(ordered);
        List<Candidate> others = new ArrayList<>();
        Map<String, List<Copy>> groups = new TreeMap<>();
        List<Copy> spares = new ArrayList<>();
        for (Candidate candidate : ordered) {
            Optional<Copy> copy = copy(candidate, newest);
            if (copy.isEmpty()) {
                others.add(candidate);
            } else if (copy.get().mpb().withoutVolumes()) {
                spares.add(copy.get());
            } else {
                groups.computeIfAbsent(groupKey(candidate, copy.get().mpb()), key -> new ArrayList<>())
                        .add(copy.get());
            }
        }
        List<ContainerChoice> choices = new ArrayList<>();
        groups.forEach((key, copies) -> {
            List<Copy> itsSpares = groups.size() == 1 ? sparesLike(copies.getFirst(), spares) : List.of();
            choices.add(new ImsmGroup(copies, itsSpares, tornOf(key, others)).choice());
            spares.removeAll(itsSpares);
        });
        if (!spares.isEmpty()) {
            choices.add(onlySpares(spares));
        }
        choices.sort(Comparator.comparingInt(
                (ContainerChoice choice) -> -choice.placements().size()));
        return choices;
    }

    private static Map<String, Long> newestWhole(List<Candidate> candidates) {
        Map<String, Long> newest = new TreeMap<>();
        for (Candidate candidate : candidates) {
            if (candidate.finding() instanceof Finding.Whole(ImsmDiskMetadata whole)) {
                newest.merge(groupKey(candidate, whole.mpb()), whole.mpb().generationUnsigned(), Long::max);
            }
        }
        return newest;
    }

    /**
     * What a disk says. A torn block is believed, as far as its checksum proves it, only where nobody else has what stood there before: beside a whole
     * block that is as new, a sum that fits is too little to speak for the container, and may differ from the others.
     */
    private static Optional<Copy> copy(Candidate candidate, Map<String, Long> newestWhole) {
        if (candidate.finding() instanceof Finding.Whole(ImsmDiskMetadata whole)) {
            return Optional.of(new Copy(candidate, whole.mpb(), false));
        }
        return candidate.finding() instanceof Finding.Torn torn
                        && torn.believable().orElse(null) instanceof ImsmDiskMetadata proved
                        && proved.mpb().generationUnsigned()
                                > newestWhole.getOrDefault(groupKey(candidate, proved.mpb()), -1L)
                ? Optional.of(new Copy(candidate, proved.mpb(), true))
                : Optional.empty();
    }

    private static String groupKey(Candidate candidate, ImsmSuper mpb) {
        return ImsmDiskMetadata.identityText(mpb.identity()) + "/"
                + candidate.geometry().sectorBytes();
    }

    private static List<Copy> sparesLike(Copy member, List<Copy> spares) {
        int sector = member.candidate().geometry().sectorBytes();
        return spares.stream()
                .filter(spare -> spare.candidate().geometry().sectorBytes() == sector)
                .toList();
    }

    private static List<Candidate> tornOf(String key, List<Candidate> candidates) {
        return candidates.stream()
                .filter(candidate -> candidate.finding() instanceof Finding.Torn torn
                        && key.equals(torn.claim().identity() + "/"
                                + candidate.geometry().sectorBytes()))
                .toList();
    }

    /** The serial of a pristine spare: the caller's word, else what its private block says. */
    static String serialOfSpare(Copy spare) {
        return spare.candidate()
                .serial()
                .orElseGet(() -> spare.mpb().disks().isEmpty()
                        ? ""
                        : spare.mpb().disks().getFirst().serialText());
    }

    private static ContainerChoice onlySpares(List<Copy> spares) {
        int sector = spares.getFirst().candidate().geometry().sectorBytes();
        List<ImsmMember> members = new ArrayList<>();
        List<Placement> placements = new ArrayList<>();
        for (Copy spare : spares) {
            Candidate candidate = spare.candidate();
            Optional<ImsmMember> member = candidate.geometry().sectorBytes() == sector
                    ? Optional.of(new ImsmMember(
                            candidate.disk(), candidate.geometry(), serialOfSpare(spare), 0, ImsmMember.SPARE))
                    : Optional.empty();
            member.ifPresent(members::add);
            placements.add(new Placement(
                    candidate.disk(),
                    member.isPresent() ? new Verdict.Spare() : new Verdict.Foreign(),
                    member.isPresent()
                            ? "it is a spare, and no container is here that it could belong to"
                            : "its sectors differ in size from those of the other spares"));
        }
        return new ContainerChoice.Chosen(new ImsmContainer(ImsmSpare.empty(0, 0), sector, members), placements);
    }

    static MdUuid uuid(Copy copy) {
        return ImsmNames.container(copy.mpb());
    }
}
