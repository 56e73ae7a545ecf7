using System.Text.Json;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Something that was changed in Pacemaker on behalf of somebody, and is taken back as soon as the key it was done for is gone from the store: by whoever did it, or, when that is gone too, by any agent.
/// </summary>
/// <param name="Kind">What was changed.</param>
/// <param name="Target">The group that was moved, or the node that was put in standby; empty for maintenance.</param>
/// <param name="While">The key: a lock, or a suspension.</param>
/// <param name="Revision">Create-revision that the key has to have; 0 for any.</param>
public sealed record PacemakerDebt(PacemakerDebtKind Kind, string Target, string While, long Revision)
{
    /// <summary>Prefix of their keys.</summary>
    public const string Prefix = "/pacemaker/";

    /// <summary>The key it stands under.</summary>
    public string Key => KeyOf(Kind, Target);

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.PacemakerDebt);

    /// <summary>The key of a debt.</summary>
    public static string KeyOf(PacemakerDebtKind kind, string target) =>
        Prefix + kind.ToString().ToLowerInvariant() + (target.Length > 0 ? "/" + target : "");

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static PacemakerDebt? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.PacemakerDebt);
}
