namespace PgCluster.Handoff;

/// <summary>The process at the other end of a handoff.</summary>
/// <param name="Id">Its id in the coordination directory.</param>
/// <param name="ProcessId">Its process id as the kernel sees it from here; 0 when it lives in another PID namespace.</param>
/// <param name="ApplicationVersion">What it calls its version; null when it says none, as an old one does.</param>
/// <param name="ProtocolVersion">The version of the protocol that the two speak.</param>
public sealed record HandoffPeer(string Id, int ProcessId, string? ApplicationVersion, uint ProtocolVersion);
