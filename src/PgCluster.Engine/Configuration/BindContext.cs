namespace PgCluster.Engine.Configuration;

/// <summary>What a binding works with and collects. Problems are collected, not thrown: all of a file are reported at once.</summary>
sealed class BindContext(ConfigSources sources)
{
    readonly List<(ConfigOrigin Origin, string Line)> _problems = [];
    readonly HashSet<string> _refused = new(StringComparer.Ordinal);

    public ConfigSources Sources { get; } = sources;

    public ConfigOrigins Origins { get; } = new();

    public ConfigOrigin InFile(SourcePosition position) => new(ConfigSource.File, Sources.FileName, position);

    /// <summary>The start of the file, for what is missing altogether; nowhere when there is no file.</summary>
    public ConfigOrigin StartOfFile => Sources.File is null ? ConfigOrigin.Default : InFile(new(1, 1));

    /// <summary>True when the option has no usable value, so that nothing can be concluded from the one the record holds.</summary>
    public bool IsRefused(string path) => _refused.Contains(path);

    public void Refuse(string path, ConfigOrigin origin, string message)
    {
        _refused.Add(path);
        Problem(origin, message);
    }

    public void Problem(ConfigOrigin origin, string message) =>
        _problems.Add((origin, origin.Source == ConfigSource.Default ? message : $"{origin}: {message}"));

    /// <summary>Reports a violation at the option that was set with the highest precedence, the last one in the file.</summary>
    public void Problem(ConfigViolation violation)
    {
        if (!violation.Paths.Any(IsRefused))
        {
            Problem(violation.Paths.Select(path => Origins[path]).MaxBy(Order)!, violation.Message);
        }
    }

    public void ThrowIfAny()
    {
        if (_problems.Count == 0)
        {
            return;
        }

        var lines = _problems.OrderBy(problem => Order(problem.Origin)).Select(problem => problem.Line);
        throw new PgClusterException(Reason.InvalidConfiguration, string.Join('\n', lines))
        {
            Target = _problems.Exists(problem => problem.Origin.Source == ConfigSource.File) ? Sources.FileName : null,
        };
    }

    static (ConfigSource, int, int) Order(ConfigOrigin origin) => (origin.Source, origin.Position.Line, origin.Position.Column);
}
