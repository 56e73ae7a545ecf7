using System.Text.Json;

namespace PgCluster.Engine.Membership;

/// <summary>
/// Value of <c>/members/NAME</c>: what the cluster has agreed on about a node. It lies over the configuration files, field by field: what is null here is as the file says.
/// A node that no file has is a member when host, agent and http are set.
/// </summary>
public sealed record MemberRecord
{
    /// <summary>Host of its PostgreSQL.</summary>
    public string? Host { get; init; }

    /// <summary>TCP port of its PostgreSQL.</summary>
    public int? Port { get; init; }

    /// <summary>host:port where its agent serves the agent API.</summary>
    public string? Agent { get; init; }

    /// <summary>host:port where its agent serves health and metrics.</summary>
    public string? Http { get; init; }

    /// <summary>PostgreSQL's data directory on the node.</summary>
    public string? DataDirectory { get; init; }

    /// <summary>File that takes the server's output when the agent starts it.</summary>
    public string? LogFile { get; init; }

    /// <summary>Rack, zone or site.</summary>
    public string? FailureDomain { get; init; }

    /// <summary>Preference among equals.</summary>
    public int? Weight { get; init; }

    /// <summary>True when the node must never be promoted.</summary>
    public bool? NoFailover { get; init; }

    /// <summary>True when the node was removed from the cluster, whatever a file says.</summary>
    public bool Removed { get; init; }

    /// <summary>Of a removed node: true when its agent stops its server.</summary>
    public bool StopServer { get; init; }

    /// <summary>Who wrote this: user@host.</summary>
    public string? By { get; init; }

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.MemberRecord);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static MemberRecord? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.MemberRecord);
}
