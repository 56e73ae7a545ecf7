using System.Text.Json;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Membership;

/// <summary>What an agent finds out about its server before the cluster is taken under management. Changes nothing.</summary>
public sealed record NodeSurvey
{
    /// <summary>The server.</summary>
    public required PostgresStatus Server { get; init; }

    /// <summary>server_version_num; 0 when the server does not run.</summary>
    public int VersionNumber { get; init; }

    /// <summary>When its postmaster started, by its clock; null when it does not run.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>True when pg_rewind can work on it: wal_log_hints or data checksums.</summary>
    public bool CanBeRewound { get; init; }

    /// <summary>max_wal_senders.</summary>
    public int MaxWalSenders { get; init; }

    /// <summary>max_replication_slots.</summary>
    public int MaxReplicationSlots { get; init; }

    /// <summary>The application_name a standby streams under; null on a primary.</summary>
    public string? StreamsAs { get; init; }

    /// <summary>Sessions of other managers in this server, by application_name.</summary>
    public IReadOnlyList<string>? ManagerSessions { get; init; }

    /// <summary>Programs of other managers that run on this host.</summary>
    public IReadOnlyList<string>? ManagerPrograms { get; init; }

    /// <summary>Whether this host gets into the other servers as a standby and as the agents' role.</summary>
    public IReadOnlyList<SurveyedLink>? Links { get; init; }

    /// <summary>Whether a server could be made there; null where there is one.</summary>
    public NewServerSurvey? NewServer { get; init; }

    /// <summary>Version of the agent.</summary>
    public string? AgentVersion { get; init; }

    /// <summary>As JSON, as it goes over the wire.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.NodeSurvey);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static NodeSurvey? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.NodeSurvey);
}

/// <summary>What an agent finds out about a data directory that is empty.</summary>
/// <param name="Version">Major version of the server that would be made there, the newest installed; 0 when none is.</param>
/// <param name="Obstacle">Why none can be made, or copied to there; null when it can.</param>
public sealed record NewServerSurvey(int Version, string? Obstacle);

/// <summary>Whether a node gets into another node's server.</summary>
/// <param name="Node">The other node.</param>
/// <param name="Replication">Why not as a standby; null when it does.</param>
/// <param name="Superuser">Why not as the agents' role; null when it does.</param>
public sealed record SurveyedLink(string Node, string? Replication, string? Superuser);
