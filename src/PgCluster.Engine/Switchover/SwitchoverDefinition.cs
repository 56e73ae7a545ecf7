using System.Text.Json;

namespace PgCluster.Engine.Switchover;

/// <summary>What both databases remember of a switchover, so that another process can show it, go on with it or take the way back. Never a secret.</summary>
/// <param name="Options">What was asked for; the URIs without passwords.</param>
/// <param name="Engine">The engine of the last run; Auto before the first.</param>
/// <param name="Rollback">True when the last run was a rollback.</param>
public sealed record SwitchoverDefinition(SwitchoverOptions Options, SwitchoverEngine Engine, bool Rollback = false)
{
    /// <summary>Whether what a run of another definition has copied can be gone on with: the same tables, carried the same way.</summary>
    /// <param name="other">The definition of the interrupted run.</param>
    public bool GoesOnWith(SwitchoverDefinition? other) => other is { Rollback: false } && !Rollback && other.Engine == Engine
        && other.Options.Schemas.SequenceEqual(Options.Schemas) && other.Options.ExcludedTables.SequenceEqual(Options.ExcludedTables);

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.SwitchoverDefinition);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static SwitchoverDefinition? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.SwitchoverDefinition);
}
