using System.Buffers.Binary;
using System.Text.Json;

namespace PgCluster.Handoff.Protocol;

/// <summary>A message as it goes over the wire: four bytes for its length, the highest first, then JSON.</summary>
internal static class Frame
{
    /// <summary>Bytes of the length.</summary>
    public const int HeaderBytes = 4;

    /// <summary>The longest message: a state of the largest size in base 64, and room for the rest.</summary>
    public const int LongestMessage = (StateSnapshot.MaxBytes / 3 * 4) + 65536;

    /// <summary>
    /// Lets the runtime compile what writes and reads messages. In a new process that takes longer than all the rest of a takeover: it is to be over before the
    /// lock is taken, for which others wait.
    /// </summary>
    public static void Prepare()
    {
        ReadOnlySpan<HandoffMessage> sent =
        [
            new HandoffMessage.Hello("id", 0, 0), new HandoffMessage.Welcome("id", 0, [new("id", DescriptorKind.Listener, "")]), new HandoffMessage.State(0, []),
            new HandoffMessage.Accepted(), new HandoffMessage.Descriptor("id"), new HandoffMessage.Ready(), new HandoffMessage.SteppingDown(),
        ];
        foreach (var message in sent)
        {
            Decode(Encode(message).AsSpan(HeaderBytes));
        }
    }

    /// <summary>A message with its length before it.</summary>
    public static byte[] Encode(HandoffMessage message)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(message, MessageJson.Default.HandoffMessage);
        var frame = new byte[HeaderBytes + json.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)json.Length);
        json.CopyTo(frame, HeaderBytes);
        return frame;
    }

    /// <summary>The length that stands in a header, in bytes.</summary>
    /// <exception cref="HandoffException">Protocol: no message is that long, so this is none of this protocol.</exception>
    public static int ReadLength(ReadOnlySpan<byte> header)
    {
        var length = BinaryPrimitives.ReadUInt32BigEndian(header);
        return length is > 0 and <= LongestMessage
            ? (int)length
            : throw new HandoffException(HandoffError.Protocol, $"The other process announced a message of {length} bytes; at most {LongestMessage} are possible.");
    }

    /// <summary>The message that follows the length.</summary>
    /// <exception cref="HandoffException">Protocol: it is no message.</exception>
    public static HandoffMessage Decode(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, MessageJson.Default.HandoffMessage) ?? throw new JsonException("It is null.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new HandoffException(HandoffError.Protocol, $"The other process sent what is no message of this protocol: {e.Message}", e);
        }
    }
}
