namespace PgCluster.Engine.Rejoin;

/// <summary>What is known of the server to stream from.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="SystemIdentifier">Its system identifier.</param>
/// <param name="History">The timelines its WAL went through.</param>
/// <param name="Position">Where its WAL ended when it was asked, after the other node was looked at.</param>
public sealed record RejoinUpstream(string Name, string SystemIdentifier, TimelineHistory History, Lsn Position);
