using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace PgCluster.Tests.Integration.Grpc;

/// <summary>
/// Calls of gRPC's health service in their bytes, for a load that costs little, and for a client that does as it likes: no HTTP library asks again by itself or goes elsewhere.
/// </summary>
internal static class HealthCheckCall
{
    private const int FrameHeader = 9;
    private const int LargestAnswer = 4096;
    private const byte Data = 0x0;
    private const byte Headers = 0x1;
    private const byte Reset = 0x3;
    private const byte Settings = 0x4;
    private const byte EndOfStream = 0x1;
    private const byte EndOfHeaders = 0x4;

    private static readonly byte[] Serving = [0, 0, 0, 0, 2, 0x08, 0x01];
    private static readonly byte[] Ok = [11, .. "grpc-status"u8, 1, (byte)'0'];

    // A header table of 0 bytes, so that the answer's headers stand in it as they are.
    private static readonly byte[] Begin = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. Frame(Settings, 0, 0, [0, 1, 0, 0, 0, 0])];

    /// <summary>One Check over a connection of its own, which is closed with a reset: a thousand a second that linger would use up the ports.</summary>
    /// <exception cref="SocketException">Refused or reset.</exception>
    /// <exception cref="InvalidDataException">Closed without an answer, or answered with something else than SERVING.</exception>
    public static async Task AskAsync(IPEndPoint address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(enable: true, seconds: 0) };
        await socket.ConnectAsync(address);
        await SendAsync(socket, [.. Begin, .. Request("Check", 1, address.ToString())]);
        await UntilAsync(socket, IsAnswer);
    }

    /// <summary>A Watch over a connection that has no call yet; returns when it has said SERVING.</summary>
    public static async Task WatchAsync(Socket socket, string address, CancellationToken cancellationToken)
    {
        await socket.ConnectAsync(IPEndPoint.Parse(address), cancellationToken);
        await SendAsync(socket, [.. Begin, .. Request("Watch", 1, address)]);
        await UntilAsync(socket, answer => answer.IndexOf(Serving) >= 0);
    }

    /// <summary>A Check over a connection that has a Watch; returns HTTP/2's code when it is refused, and null when it is answered.</summary>
    public static async Task<uint?> AskAgainAsync(Socket socket, string address)
    {
        await SendAsync(socket, Request("Check", 3, address));
        uint? code = null;
        await UntilAsync(socket, answer =>
        {
            foreach (var (type, _, stream, payload) in Frames(answer))
            {
                if (stream == 3 && type == Reset)
                {
                    code = BinaryPrimitives.ReadUInt32BigEndian(answer[payload]);
                    return true;
                }
            }

            return IsAnswer(answer);
        });
        return code;
    }

    private static byte[] Request(string method, int stream, string authority)
    {
        byte[] headers =
        [
            0x83, 0x86, // :method POST, :scheme http
            .. Literal([0x04], "/grpc.health.v1.Health/" + method),
            .. Literal([0x01], authority),
            .. Literal([0x0f, 0x10], "application/grpc"), // content-type
            .. Literal([0x00, 2, (byte)'t', (byte)'e'], "trailers"),
        ];
        return [.. Frame(Headers, EndOfHeaders, stream, headers), .. Frame(Data, EndOfStream, stream, [0, 0, 0, 0, 0])];
    }

    private static byte[] Literal(byte[] name, string value) => [.. name, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];

    private static byte[] Frame(byte type, byte flags, int stream, byte[] payload)
    {
        var frame = new byte[FrameHeader + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8 | type);
        frame[4] = flags;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), stream);
        payload.CopyTo(frame, FrameHeader);
        return frame;
    }

    /// <summary>The whole frames of what has come: type, flags, stream, and where the payload is.</summary>
    private static List<(byte Type, byte Flags, int Stream, Range Payload)> Frames(ReadOnlySpan<byte> answer)
    {
        List<(byte, byte, int, Range)> frames = [];
        for (var at = 0; answer.Length - at >= FrameHeader;)
        {
            var end = at + FrameHeader + (BinaryPrimitives.ReadInt32BigEndian(answer[at..]) >>> 8);
            if (end > answer.Length)
            {
                break;
            }

            frames.Add((answer[at + 3], answer[at + 4], BinaryPrimitives.ReadInt32BigEndian(answer[(at + 5)..]), (at + FrameHeader)..end));
            at = end;
        }

        return frames;
    }

    /// <summary>True when a call has ended: with SERVING and Ok.</summary>
    private static bool IsAnswer(ReadOnlySpan<byte> answer)
    {
        foreach (var (type, flags, stream, payload) in Frames(answer))
        {
            if (stream > 0 && (type == Reset || (type is Data or Headers && (flags & EndOfStream) != 0)))
            {
                return answer.IndexOf(Serving) >= 0 && type == Headers && answer[payload].IndexOf(Ok) >= 0
                    ? true
                    : throw new InvalidDataException($"the call ended with {Convert.ToHexString(answer)}");
            }
        }

        return false;
    }

    private static async Task SendAsync(Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), SocketFlags.None);
        }
    }

    private static async Task UntilAsync(Socket socket, Answered isThere)
    {
        var answer = new byte[LargestAnswer];
        for (var length = 0; !isThere(answer.AsSpan(0, length));)
        {
            var read = await socket.ReceiveAsync(answer.AsMemory(length), SocketFlags.None);
            length += read > 0 ? read : throw new InvalidDataException($"closed after {Convert.ToHexString(answer, 0, length)}");
        }
    }

    private delegate bool Answered(ReadOnlySpan<byte> answer);
}
