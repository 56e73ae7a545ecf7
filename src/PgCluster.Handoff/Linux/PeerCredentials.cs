using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace PgCluster.Handoff.Linux;

/// <summary>Who is at the other end of a Unix socket, as the kernel knows.</summary>
/// <param name="ProcessId">The process; 0 when it lives in another PID namespace.</param>
/// <param name="UserId">Its user.</param>
internal readonly record struct PeerCredentials(int ProcessId, uint UserId)
{
    /// <summary>Asks the kernel.</summary>
    public static PeerCredentials Of(Socket socket)
    {
        // struct ucred: process, user and group, four bytes each.
        Span<byte> answer = stackalloc byte[12];
        socket.GetRawSocketOption(Native.SocketLevel, Native.PeerCredentials, answer);
        return new PeerCredentials(MemoryMarshal.Read<int>(answer), MemoryMarshal.Read<uint>(answer[4..]));
    }

    /// <summary>True for a process that this one may share its descriptors with: of the same user, or of root, who could take them anyway.</summary>
    /// <param name="ownUserId">User of this process.</param>
    public bool IsTrustedBy(uint ownUserId) => UserId == ownUserId || UserId == 0;
}
