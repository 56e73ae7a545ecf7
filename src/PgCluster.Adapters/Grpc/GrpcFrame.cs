using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;

namespace PgCluster.Adapters.Grpc;

/// <summary>One length-prefixed message: a compression flag, four bytes of length, the message.</summary>
internal static class GrpcFrame
{
    /// <summary>The bytes before each message.</summary>
    internal const int HeaderLength = 5;

    /// <summary>Writes one message in one piece, so that a small one never waits for its second half in the network.</summary>
    internal static async ValueTask WriteAsync(Stream stream, IMessage message, CancellationToken cancellationToken)
    {
        int size = message.CalculateSize();
        byte[] buffer = ArrayPool<byte>.Shared.Rent(HeaderLength + size);
        Write(buffer, message, size);
        await stream.WriteAsync(buffer.AsMemory(0, HeaderLength + size), cancellationToken).ConfigureAwait(false);

        // Only after success: a write that failed may still be reading, and a returned buffer is somebody else's.
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Writes prefix and message into a buffer.</summary>
    internal static void Write(Span<byte> buffer, IMessage message, int size)
    {
        buffer[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(buffer[1..], (uint)size);
        message.WriteTo(buffer.Slice(HeaderLength, size));
    }

    /// <summary>Reads a message out of its bytes; fields this version does not know are kept.</summary>
    /// <exception cref="GrpcException">Internal: the bytes are no message of that type.</exception>
    internal static T Parse<T>(ReadOnlySpan<byte> bytes)
        where T : IMessage<T>, new()
    {
        var message = new T();
        try
        {
            message.MergeFrom(bytes);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new GrpcException(GrpcStatusCode.Internal, $"The peer sent what is no {typeof(T).Name}.", e);
        }

        return message;
    }
}
