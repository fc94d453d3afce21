package redoubt.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import redoubt.base.Heartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.BlockDevice;
import redoubt.block.IoMemory;
import redoubt.block.IoRequestPool;
import redoubt.md.Array;
import redoubt.md.ArrayPlan;
import redoubt.md.Level;
import redoubt.md.Member;
import redoubt.md.MemberState;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.personality.ParityLayout;
import redoubt.personality.ParityRotation;
import redoubt.personality.Raid5Personality;
import redoubt.workqueue.Workqueue;

/** Arrays without metadata: the data path of a level and nothing else. */
final class PlainArray {

    private static final int CHUNK_BYTES = 64 << 10;
    private static final int CHILDREN = 8192;

    private final Heartbeat heartbeat;
    private final IoMemory memory;
    private final List<BlockDevice> members;

    private PlainArray(Heartbeat heartbeat, IoMemory memory, List<BlockDevice> members) {
        this.heartbeat = heartbeat;
        this.memory = memory;
        this.members = members;
    }

    /**
     * Makes a device of members, and starts it.
     *
     * @param level {@code file} (the only member as it is), {@code raid0}, {@code raid1}, {@code raid10} or {@code raid5}
     */
    static BlockDevice start(String level, List<BlockDevice> members, Heartbeat heartbeat, IoMemory memory) {
        PlainArray plain = new PlainArray(heartbeat, memory, members);
        int slots = members.size();
        return switch (level) {
            case "file" -> members.getFirst();
            case "raid0" -> plain.copies(Level.RAID0, new NearLayout(slots, 1, CHUNK_BYTES));
            case "raid1" -> plain.copies(Level.RAID1, new NearLayout(slots, slots, CHUNK_BYTES));
            case "raid10" -> plain.copies(Level.RAID10, new NearLayout(slots, 2, CHUNK_BYTES));
            case "raid5" -> plain.parity(new ParityLayout(slots, CHUNK_BYTES, ParityRotation.LEFT_ASYMMETRIC));
            default -> throw new IllegalArgumentException("there is no level " + level);
        };
    }

    private Array copies(Level level, NearLayout layout) {
        return array(layout.capacity(componentBytes()), host -> {
            return new CopiesPersonality(host, level, layout, CHUNK_BYTES);
        });
    }

    private Array parity(ParityLayout layout) {
        return array(layout.capacity(componentBytes()), host -> new Raid5Personality(host, Level.RAID5, layout));
    }

    private long componentBytes() {
        return members.stream()
                        .mapToLong(member -> member.limits().sizeBytes())
                        .min()
                        .orElseThrow()
                / CHUNK_BYTES
                * CHUNK_BYTES;
    }

    private Array array(long sizeBytes, Function<PersonalityHost, Personality> personality) {
        List<ArrayPlan.Occupant> occupants = new ArrayList<>();
        for (int slot = 0; slot < members.size(); slot++) {
            occupants.add(new ArrayPlan.Occupant(
                    new Member(slot, "member" + slot, members.get(slot), 0), MemberState.IN_SYNC));
        }
        ArrayPlan plan = new ArrayPlan(
                "plain", componentBytes(), sizeBytes, 512, occupants, true, true, false, 0, ArrayPlan.MAX_READ_ERRORS);
        Workqueue queue = Workqueue.orderedMemReclaim("plain", WorkerFactory.threads());
        Array array = new Array(plan, personality, queue, heartbeat, new IoRequestPool(CHILDREN), memory);
        array.start(null);
        return array;
    }
}
