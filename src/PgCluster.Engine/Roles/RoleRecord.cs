using System.Text.Json;

namespace PgCluster.Engine.Roles;

/// <summary>Value of <c>/roles</c>: which role each member has, as the leader decided last.</summary>
/// <param name="Primary">The leader that decided.</param>
/// <param name="Roles">Every member's role; a node that is not here has none yet, and is a spare.</param>
/// <param name="DecidedAt">When, by that leader's clock.</param>
public sealed record RoleRecord(string Primary, IReadOnlyDictionary<string, MemberRole> Roles, DateTimeOffset DecidedAt)
{
    /// <summary>The role of a node.</summary>
    public MemberRole Of(string node) => Roles.GetValueOrDefault(node);

    /// <summary>True when it says the same of the same members, under the same primary.</summary>
    public bool Says(string primary, IReadOnlyDictionary<string, MemberRole> roles)
    {
        ArgumentNullException.ThrowIfNull(roles);
        return Primary == primary && Roles.Count == roles.Count && roles.All(r => Roles.TryGetValue(r.Key, out var own) && own == r.Value);
    }

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.RoleRecord);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static RoleRecord? FromJson(string? json)
    {
        try
        {
            return json is null ? null : JsonSerializer.Deserialize(json, EngineJson.Default.RoleRecord) is { Roles: not null } record ? record : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
