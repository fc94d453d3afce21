package redoubt.nbd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import redoubt.block.IoRequest;
import redoubt.block.IoStatus;

/**
 * The requests that an {@link NbdClient} has with its server, and what each needs next: which command, how much of it at a time, and what
 * there is to do where the server lacks a command. Belongs to the client's thread.
 */
final class Flights {

    /** Longest range that one command without a payload is about. */
    private static final long STEP_BYTES = 1 << 30;

    private final Landmarks landmarks;

    /** Longest range that one WRITE zeroes. */
    private final int zeroesAtOnce;

    /** A place for each request, and behind them one for each landmark. */
    private final Flight[] flights;

    private final int[] freePlaces;
    private int free;

    /** Flights whose command is still to be sent, a ring. */
    private final int[] toSend;

    private int sendHead;
    private int sendCount;

    /** Changes that the server has answered and may still have in a cache, counted; and how many of them a flush has made durable. */
    private long changes;

    private long durableChanges;

    private final MemoryView memory = new MemoryView();

    /**
     * A place for so many requests.
     *
     * @param maxTransferBytes the longest payload that the server takes
     */
    Flights(int count, int maxTransferBytes, Landmarks landmarks) {
        this.landmarks = landmarks;
        zeroesAtOnce = Math.min(maxTransferBytes, CommandWriter.ZERO_BYTES);
        flights = new Flight[count + Landmarks.COUNT];
        freePlaces = new int[count];
        toSend = new int[flights.length];
        for (int i = 0; i < flights.length; i++) {
            flights[i] = new Flight(i);
        }
        for (int i = 0; i < count; i++) {
            freePlaces[free++] = i;
        }
    }

    boolean hasRoom() {
        return free > 0;
    }

    boolean none() {
        boolean none = true;
        for (Flight flight : flights) {
            none &= flight.request == null;
        }
        return none;
    }

    /** Takes a request up; there must be room. */
    void begin(RemoteExport connected, IoRequest request) {
        Flight flight = flights[freePlaces[--free]];
        flight.begin(request);
        next(connected, flight);
    }

    /** Reads the landmarks that want it. */
    void readLandmarks(RemoteExport connected, long now) {
        for (int i = 0; i < Landmarks.COUNT; i++) {
            IoRequest request = landmarks.toRead(i, now);
            if (request != null) {
                Flight flight = flights[freePlaces.length + i];
                flight.begin(request);
                next(connected, flight);
            }
        }
    }

    /** The next flight whose command is to be sent, or null. */
    @Nullable
    Flight nextToSend() {
        while (sendCount > 0) {
            Flight flight = flights[toSend[sendHead]];
            sendHead = (sendHead + 1) % toSend.length;
            sendCount--;
            if (flight.request != null) {
                flight.changesBefore = changes;
                if (flight.changesData()) {
                    landmarks.changeBegins(flight);
                }
                return flight;
            }
        }
        return null;
    }

    /** The flight that an answer is for. */
    Flight answeredBy(long cookie) throws IOException {
        int index = (int) cookie;
        if (index < 0 || index >= flights.length) {
            throw new IOException("the server answers what nobody asked");
        }
        Flight flight = flights[index];
        if (flight.request == null || !flight.sent || flight.refusedEarly || flight.cookie() != cookie) {
            throw new IOException("the server answers what nobody asked");
        }
        return flight;
    }

    /** The server has answered a command completely; {@link Flight#status} says how. */
    void answered(RemoteExport connected, Flight flight) throws IOException {
        if (flight.payloadLeaves) {
            // The memory is the request's until all of it has been sent.
            if (flight.status == IoStatus.OK) {
                throw new IOException("the server has done a write before it had the data");
            }
            flight.refusedEarly = true;
        } else if (flight.status == IoStatus.UNSUPPORTED && !onlyIfFast(flight)) {
            // A server may say only now that it cannot; what it did of it before is not known.
            landmarks.changeEnds(flight, false);
            flight.writesZeroes = true;
            next(connected, flight);
        } else if (flight.status != IoStatus.OK) {
            finish(flight, flight.status);
        } else if (flight.type == Wire.CMD_BLOCK_STATUS) {
            finish(flight, flight.pairs > 0 ? IoStatus.OK : IoStatus.IO_ERROR);
        } else if (flight.type == Wire.CMD_FLUSH) {
            durableChanges = Math.max(durableChanges, flight.changesBefore);
            finish(flight, IoStatus.OK);
        } else {
            if (flight.changesData() && !durableWhenAnswered(connected, flight.carried())) {
                changes++;
            }
            landmarks.changeEnds(flight, true);
            flight.done += flight.step;
            next(connected, flight);
        }
    }

    /** All of a WRITE's payload has been sent. */
    void payloadHasLeft(Flight flight) {
        flight.payloadLeaves = false;
        if (flight.refusedEarly) {
            finish(flight, flight.status);
        }
    }

    /** Writes one pair of an ALLOCATION's answer; answers false if there is no room for it. */
    boolean pair(Flight flight, long length, int flags) {
        IoRequest request = flight.carried();
        if (!request.bufferHolds(16L * (flight.pairs + 1))) {
            return false;
        }
        ByteBuffer view = memory.of(request.buffer()).order(ByteOrder.nativeOrder());
        int at = request.buffer().position() + request.bufferOffset() + 16 * flight.pairs;
        view.putLong(at, length).putLong(at + 8, flags);
        flight.pairs++;
        request.result = flight.pairs;
        return true;
    }

    private static boolean durableWhenAnswered(RemoteExport connected, IoRequest request) {
        // A server that knows no flush has nothing to flush.
        return !connected.offers(Wire.FLAG_SEND_FLUSH) || (request.fua() && connected.offers(Wire.FLAG_SEND_FUA));
    }

    /**
     * Whether the export can have lost a change together with the connection: one that was answered and not made durable, for the server may
     * have died; or one that was under way, for the server may live, and carry it out after a newer one.
     */
    boolean mayHaveLostChanges() {
        boolean underWay = false;
        for (Flight flight : flights) {
            underWay |= flight.request != null && flight.sent && flight.changesData();
        }
        return underWay || changes > durableChanges;
    }

    /** The connection was lost: no command is under way any more, and whoever is there next is to be recognized anew. */
    void connectionLost() {
        sendHead = 0;
        sendCount = 0;
        for (Flight flight : flights) {
            flight.sent = false;
            flight.payloadLeaves = false;
            flight.refusedEarly = false;
        }
        for (int i = freePlaces.length; i < flights.length; i++) {
            if (flights[i].request != null) {
                finish(flights[i], IoStatus.GONE);
            }
        }
    }

    /** There is a new connection: what was not answered is asked again. No change is among it that was sent before. */
    void askAgain(RemoteExport connected) {
        for (Flight flight : flights) {
            if (flight.request != null) {
                next(connected, flight);
            }
        }
    }

    /** Whether a request has been here, or on its way here, longer than the limit. */
    boolean anyOlderThan(long limitNanos, long now) {
        boolean late = false;
        for (Flight flight : flights) {
            IoRequest request = flight.request;
            late |= request != null && now - request.acceptedNanos > limitNanos;
        }
        return late;
    }

    void finishAll(IoStatus status) {
        for (Flight flight : flights) {
            if (flight.request != null) {
                finish(flight, status);
            }
        }
    }

    /** Chooses the next command of a flight, or ends it. */
    private void next(RemoteExport connected, Flight flight) {
        IoRequest request = flight.carried();
        long left = request.length() - flight.done;
        flight.status = IoStatus.OK;
        flight.pairs = 0;
        if (flight.done > 0 && left == 0) {
            boolean owesFlush = request.changesForGood()
                    && !connected.offers(Wire.FLAG_SEND_FUA)
                    && connected.offers(Wire.FLAG_SEND_FLUSH);
            if (owesFlush) {
                enqueue(flight, Wire.CMD_FLUSH, 0);
            } else {
                finish(flight, IoStatus.OK);
            }
            return;
        }
        switch (request.operation()) {
            case READ -> enqueue(flight, Wire.CMD_READ, left);
            case WRITE -> enqueue(flight, Wire.CMD_WRITE, left);
            case FLUSH -> {
                if (connected.offers(Wire.FLAG_SEND_FLUSH)) {
                    enqueue(flight, Wire.CMD_FLUSH, 0);
                } else {
                    finish(flight, IoStatus.OK);
                }
            }
            case WRITE_ZEROES -> zero(connected, flight, left);
            case ALLOCATION -> {
                if (connected.allocationContext() != 0) {
                    enqueue(flight, Wire.CMD_BLOCK_STATUS, Math.min(left, STEP_BYTES));
                } else {
                    pair(flight, left, 0);
                    finish(flight, IoStatus.OK);
                }
            }
            case TRIM -> finish(flight, IoStatus.OK);
        }
    }

    private void zero(RemoteExport connected, Flight flight, long left) {
        boolean fast = onlyIfFast(flight);
        if (connected.offers(Wire.FLAG_SEND_WRITE_ZEROES) && !flight.writesZeroes) {
            if (fast && !connected.offers(Wire.FLAG_SEND_FAST_ZERO)) {
                finish(flight, IoStatus.UNSUPPORTED);
            } else {
                enqueue(flight, Wire.CMD_WRITE_ZEROES, Math.min(left, STEP_BYTES));
            }
        } else if (fast) {
            finish(flight, IoStatus.UNSUPPORTED);
        } else {
            enqueue(flight, Wire.CMD_WRITE, Math.min(left, zeroesAtOnce));
        }
    }

    private static boolean onlyIfFast(Flight flight) {
        return (flight.carried().flags() & IoRequest.FAST_ZERO) != 0;
    }

    private void enqueue(Flight flight, int type, long step) {
        flight.type = type;
        flight.step = step;
        flight.sent = false;
        toSend[(sendHead + sendCount) % toSend.length] = flight.index;
        sendCount++;
    }

    private void finish(Flight flight, IoStatus status) {
        IoRequest request = flight.carried();
        landmarks.changeEnds(flight, status == IoStatus.OK);
        flight.request = null;
        flight.generation++;
        if (flight.index < freePlaces.length) {
            freePlaces[free++] = flight.index;
        }
        request.complete(status);
    }
}
