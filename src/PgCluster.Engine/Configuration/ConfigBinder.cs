namespace PgCluster.Engine.Configuration;

/// <summary>Makes a configuration out of what a file, the environment and flags say.</summary>
public static class ConfigBinder
{
    /// <summary>Binds, completes and checks.</summary>
    /// <param name="sources">Where values come from.</param>
    /// <returns>The configuration as it is in effect.</returns>
    /// <exception cref="PgClusterException">
    /// <see cref="Reason.InvalidConfiguration"/>: every problem there is, one a line, each beginning with file:line:column, the variable or
    /// the flag.
    /// </exception>
    public static LoadedConfig Bind(ConfigSources sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        var context = new BindContext(sources);
        var file = sources.File is { } written && PgcmFile.IsOne(written) ? PgcmFile.Translate(written, context) : sources.File;
        var entries = (file?.Entries ?? []).ToDictionary(entry => entry.Key, StringComparer.Ordinal);
        var config = ConfigSchema.Defaults;
        foreach (var section in ConfigSchema.Sections)
        {
            config = section.Bind(config, entries.GetValueOrDefault(section.Name), context);
            entries.Remove(section.Name);
        }

        foreach (var entry in entries.Values)
        {
            context.Problem(context.InFile(entry.KeyPosition), UnknownTable(entry));
        }

        RefuseUnknownVariables(context);
        RefuseUnknownFlags(context);

        config = Complete(config, context);
        foreach (var violation in ConfigRules.Check(config).Concat(BudgetRules.Check(config)))
        {
            context.Problem(violation);
        }

        context.ThrowIfAny();
        return new(config, context.Origins, sources.File is null ? null : sources.FileName);
    }

    /// <summary>Fills the defaults that depend on other options.</summary>
    static ClusterConfig Complete(ClusterConfig config, BindContext context)
    {
        if (context.Origins["etcd.namespace"].Source == ConfigSource.Default)
        {
            config = config with { Etcd = config.Etcd with { Namespace = EtcdConfig.DefaultNamespace(config.Name) } };
        }

        return config with { Poolers = [.. config.Poolers.Select((pooler, i) => WithKeeper(pooler, $"poolers[{i}]", config, context))] };
    }

    static PoolerConfig WithKeeper(PoolerConfig pooler, string path, ClusterConfig config, BindContext context)
    {
        if (context.Origins[$"{path}.keeper"].Source != ConfigSource.Default || context.IsRefused($"{path}.keeper"))
        {
            return pooler;
        }

        if (pooler.Node.Length == 0 && !context.IsRefused($"{path}.node"))
        {
            context.Refuse(
                $"{path}.keeper",
                context.Origins[path],
                $"{path}.keeper is missing; expected host:port, or {path}.node when it stands beside one");
        }

        return config.Nodes.FirstOrDefault(node => node.Name == pooler.Node) is { } beside ? pooler with { Keeper = beside.Agent } : pooler;
    }

    static string UnknownTable(ConfigEntry entry)
    {
        var what = entry.Value is ConfigValue.Table or ConfigValue.List ? "table" : "key";
        var sections = ConfigSchema.Sections;
        var hint = what == "key" && Suggestion.Option(entry.Key) is { } option ? $"did you mean {option.Path}?"
            : Suggestion.For(entry.Key, sections.Select(section => section.Name)) is { } near
                ? $"did you mean {sections.First(section => section.Name == near).Header}?"
            : $"expected one of {string.Join(", ", sections.Select(section => section.Header))}";
        return $"unknown {what} {TomlText.Quote(entry.Key)}; {hint}";
    }

    static void RefuseUnknownVariables(BindContext context)
    {
        var known = ConfigSchema.Options.Select(option => option.EnvironmentVariable).OfType<string>().ToHashSet(StringComparer.Ordinal);
        foreach (var variable in context.Sources.Environment.Keys.Where(name => !known.Contains(name)).Order(StringComparer.Ordinal))
        {
            // Other PGCLUSTER_ variables may be somebody else's; one that names a section is a misspelt option.
            var section = ConfigSchema.Sections.FirstOrDefault(section =>
                variable.StartsWith($"{ConfigOption.EnvironmentPrefix}{section.Name.ToUpperInvariant()}_", StringComparison.Ordinal));
            if (section is not null)
            {
                context.Problem(new(ConfigSource.Environment, variable, default), UnknownName("variable", variable, section.Name, known));
            }
        }
    }

    static void RefuseUnknownFlags(BindContext context)
    {
        var options = ConfigSchema.Options.Where(option => !option.IsInArray).ToList();
        var unknown = context.Sources.Flags.Keys.Where(path => !options.Exists(option => option.Path == path));
        foreach (var path in unknown.Order(StringComparer.Ordinal))
        {
            var flag = "--" + path.Replace('.', '-').Replace('_', '-');
            var problem = UnknownName("flag", flag, path.Split('.', '[')[0], options.Select(option => option.Flag!));
            context.Problem(new(ConfigSource.Flag, flag, default), problem);
        }
    }

    static string UnknownName(string what, string name, string sectionName, IEnumerable<string> known) =>
        ConfigSchema.Sections.FirstOrDefault(section => section.Name == sectionName) is { IsArray: true } section
            ? $"unknown {what}; options of {section.Header} can only stand in the file"
            : $"unknown {what}; " + (Suggestion.For(name, known) is { } near ? $"did you mean {near}?" : "expected the name of an option");
}
