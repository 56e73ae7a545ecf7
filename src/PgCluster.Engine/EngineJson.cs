using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using PgCluster.Engine.Failover;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine;

/// <summary>The JSON of what stands in the store: names in snake case, enums by name, unknown properties ignored.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(LsnJsonConverter)])]
[JsonSerializable(typeof(NodeReport))]
[JsonSerializable(typeof(PoolerInfo))]
[JsonSerializable(typeof(PoolerRestart))]
[JsonSerializable(typeof(OperationReport))]
[JsonSerializable(typeof(OperationDecision))]
[JsonSerializable(typeof(SynchronousPolicyRecord))]
[JsonSerializable(typeof(Leadership.LeaderRecord))]
[JsonSerializable(typeof(Leadership.LastLeader))]
[JsonSerializable(typeof(Leadership.LeaderBeat))]
[JsonSerializable(typeof(Health.HealthReport))]
[JsonSerializable(typeof(Pooling.ProxyReport))]
[JsonSerializable(typeof(Switchover.Redirect))]
[JsonSerializable(typeof(Switchover.SwitchoverNodeData))]
[JsonSerializable(typeof(ClusterSuspension))]
[JsonSerializable(typeof(NodeSuspension))]
[JsonSerializable(typeof(Rejoin.RejoinSituation))]
[JsonSerializable(typeof(Membership.ClusterIdentity))]
[JsonSerializable(typeof(Membership.MemberRecord))]
[JsonSerializable(typeof(Membership.NodeSurvey))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(Pacemaker.PacemakerDebt))]
[JsonSerializable(typeof(Roles.RoleRecord))]
[JsonSerializable(typeof(RolePlan))]
[JsonSerializable(typeof(ClusterDaemon))]
[JsonSerializable(typeof(Daemons.DaemonOrder))]
[JsonSerializable(typeof(SwitchoverProgress))]
[JsonSerializable(typeof(Switchover.SwitchoverDefinition))]
internal sealed partial class EngineJson : JsonSerializerContext
{
    /// <summary>Reads what was written as JSON; null when it is not that, or nothing.</summary>
    internal static T? Read<T>(string? json, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
