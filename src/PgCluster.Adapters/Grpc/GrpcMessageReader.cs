using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>
/// Cuts a stream into messages, however the network cut it before. One buffer serves the whole stream and grows as bytes arrive,
/// not as a length promises. One reader at a time; disposing it under a reader is safe.
/// </summary>
/// <param name="stream">Where the bytes come from; stays open.</param>
/// <param name="maxMessageSize">The largest message accepted, in bytes.</param>
/// <param name="encoding">What the peer's grpc-encoding header says; null when it has none.</param>
internal sealed class GrpcMessageReader<T>(Stream stream, int maxMessageSize, string? encoding) : IDisposable
    where T : IMessage<T>, new()
{
    private const int InitialCapacity = 1024;
    private const int Idle = 0;
    private const int Reading = 1;
    private const int Disposed = 2;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(InitialCapacity);
    private int _start;
    private int _end;
    private int _state;

    /// <summary>The message that the last successful <see cref="ReadAsync"/> read.</summary>
    internal T Current { get; private set; } = default!;

    /// <summary>Reads one message into <see cref="Current"/>; false at the end of the stream.</summary>
    /// <exception cref="GrpcException">
    /// ResourceExhausted: larger than the limit. Unimplemented: compressed. Internal: cut off, no such message, or compressed without saying how.
    /// </exception>
    internal async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        int state = Interlocked.CompareExchange(ref _state, Reading, Idle);
        ObjectDisposedException.ThrowIf(state == Disposed, this);
        if (state == Reading)
        {
            throw new InvalidOperationException("The messages are being read already.");
        }

        try
        {
            if (!await FillAsync(GrpcFrame.HeaderLength, cancellationToken).ConfigureAwait(false))
            {
                return false;
            }

            int size = ReadHeader();
            await FillAsync(GrpcFrame.HeaderLength + size, cancellationToken).ConfigureAwait(false);
            Current = GrpcFrame.Parse<T>(_buffer.AsSpan(_start + GrpcFrame.HeaderLength, size));
            _start += GrpcFrame.HeaderLength + size;
            return true;
        }
        finally
        {
            if (Interlocked.CompareExchange(ref _state, Idle, Reading) == Disposed)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // A buffer that somebody reads into must not go to the next renter: then the reader returns it.
        if (Interlocked.Exchange(ref _state, Disposed) == Idle)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
        }
    }

    private int ReadHeader()
    {
        ReadOnlySpan<byte> header = _buffer.AsSpan(_start, GrpcFrame.HeaderLength);
        if (header[0] != 0)
        {
            throw header[0] == 1 && encoding is not (null or "" or "identity")
                ? new GrpcException(GrpcStatusCode.Unimplemented, $"Messages compressed with '{encoding}' are not understood here.")
                : new GrpcException(GrpcStatusCode.Internal, "The peer sent a message flagged as compressed without saying how.");
        }

        uint size = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        return size <= (uint)maxMessageSize
            ? (int)size
            : throw new GrpcException(
                GrpcStatusCode.ResourceExhausted, $"The peer sent a message of {size} bytes; the limit is {maxMessageSize}.");
    }

    // False when the stream ended before the first byte of a message.
    private async ValueTask<bool> FillAsync(int wanted, CancellationToken cancellationToken)
    {
        while (_end - _start < wanted)
        {
            MakeRoom(wanted);
            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return _end == _start ? false : throw new GrpcException(GrpcStatusCode.Internal, "The peer's stream ended inside a message.");
            }

            _end += read;
        }

        return true;
    }

    private void MakeRoom(int wanted)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        if (_end < _buffer.Length)
        {
            return;
        }

        byte[] larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(wanted, _buffer.Length * 4L));
        _buffer.AsSpan(0, _end).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
