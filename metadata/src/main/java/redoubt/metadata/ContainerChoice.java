package redoubt.metadata;

import java.util.List;

/** What a set of candidates adds up to: one of these for each identity found among them. */
public sealed interface ContainerChoice {

    /** Identity of the container. */
    MdUuid uuid();

    /** Every candidate that carries, or may belong to, this container, with its place and the reason. */
    List<Placement> placements();

    /**
     * One metadata block is the newest and the others agree that it is.
     *
     * @param container the container with its placed disks; disks still {@link Placement.Verdict.Unplaced} are not in it
     */
    record Chosen(ContainerMetadata container, List<Placement> placements) implements ContainerChoice {
        /** Takes an unchangeable copy. */
        public Chosen {
            placements = List.copyOf(placements);
        }

        @Override
        public MdUuid uuid() {
            return container.picture().uuid();
        }
    }

    /**
     * The disks contradict each other (two halves of a mirror that each ran alone, the same disk twice): nothing is guessed.
     *
     * @param because one sentence: what contradicts, and how to choose
     */
    record Contradiction(MdUuid uuid, String because, List<Placement> placements) implements ContainerChoice {
        /** Takes an unchangeable copy. */
        public Contradiction {
            placements = List.copyOf(placements);
        }
    }
}
