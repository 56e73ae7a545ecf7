using System.Globalization;

namespace PgCluster.Engine.Configuration;

/// <summary>Where a value came from; a later one goes before an earlier one.</summary>
public enum ConfigSource
{
    /// <summary>Nobody set it.</summary>
    Default = 0,

    /// <summary>The configuration file.</summary>
    File,

    /// <summary>An environment variable.</summary>
    Environment,

    /// <summary>A flag of the command line, or a parameter of a cmdlet.</summary>
    Flag,
}

/// <summary>Where a value came from, and what that place is called.</summary>
/// <param name="Source">The kind of place.</param>
/// <param name="Name">The file, variable or flag; empty for a default.</param>
/// <param name="Position">The place in the file.</param>
public sealed record ConfigOrigin(ConfigSource Source, string Name, SourcePosition Position)
{
    /// <summary>Of a value nobody set.</summary>
    public static ConfigOrigin Default { get; } = new(ConfigSource.Default, "", default);

    /// <summary>file:line:column, the variable, the flag, or the word default.</summary>
    public override string ToString() => Source switch
    {
        ConfigSource.Default => "default",
        ConfigSource.File => string.Create(CultureInfo.InvariantCulture, $"{Name}:{Position.Line}:{Position.Column}"),
        _ => Name,
    };
}
