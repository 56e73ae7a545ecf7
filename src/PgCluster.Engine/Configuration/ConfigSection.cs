using System.Collections;

namespace PgCluster.Engine.Configuration;

/// <summary>A table of the file, or an array of tables, with its options.</summary>
abstract class ConfigSection(string name, string help)
{
    public string Name { get; } = name;

    public string Help { get; } = help;

    public abstract bool IsArray { get; }

    public abstract IReadOnlyList<ConfigOption> Options { get; }

    /// <summary>Binds what the file, the environment and flags say of it.</summary>
    public abstract ClusterConfig Bind(ClusterConfig config, ConfigEntry? entry, BindContext context);

    /// <summary>Each table as it is in effect: its path, and its options with their values as TOML.</summary>
    public abstract IEnumerable<(string Path, IEnumerable<(ConfigOption Option, string Value)> Values)> Write(ClusterConfig config);

    /// <summary>What a file has to say instead of something else under this name.</summary>
    public string Header => IsArray ? $"[[{Name}]]" : $"[{Name}]";
}

/// <summary>A section whose tables are bound to one kind of record.</summary>
/// <param name="name">The name of the table.</param>
/// <param name="help">What it is for: one sentence.</param>
/// <param name="defaults">The record without a file: the truth about defaults.</param>
abstract class ConfigSection<T>(string name, string help, T defaults) : ConfigSection(name, help), IEnumerable<ConfigOption<T>>
{
    readonly List<ConfigOption<T>> _options = [];

    public override IReadOnlyList<ConfigOption> Options => _options;

    protected T Defaults { get; } = defaults;

    /// <summary>Declares an option.</summary>
    /// <param name="name">Its key.</param>
    /// <param name="kind">What it may be.</param>
    /// <param name="get">Reads it from the record.</param>
    /// <param name="with">Gives a record with another value of it.</param>
    /// <param name="help">What it is for: one sentence.</param>
    /// <param name="fallback">What stands in for it when nobody set it; null for the record's initial value.</param>
    public void Add<TValue>(
        string name, ConfigKind<TValue> kind, Func<T, TValue> get, Func<T, TValue, T> with, string help, Fallback? fallback = null) =>
        _options.Add(new ConfigOption<T, TValue>(
            Name, IsArray, name, kind, get, with, help, fallback ?? Fallback.From(kind.Write(get(Defaults)))));

    public IEnumerator<ConfigOption<T>> GetEnumerator() => _options.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    protected T BindTable(T record, ConfigValue.Table? table, string path, ConfigOrigin origin, BindContext context)
    {
        var entries = (table?.Entries ?? []).ToDictionary(entry => entry.Key, StringComparer.Ordinal);
        foreach (var option in _options)
        {
            record = option.Bind(record, entries.GetValueOrDefault(option.Name), $"{path}.{option.Name}", origin, context);
            entries.Remove(option.Name);
        }

        foreach (var entry in entries.Values)
        {
            context.Problem(context.InFile(entry.KeyPosition), UnknownKey(entry.Key));
        }

        return record;
    }

    protected IEnumerable<(ConfigOption, string)> WriteTable(T record) =>
        _options.Select(option => ((ConfigOption)option, option.Write(record)));

    string UnknownKey(string key)
    {
        var names = _options.Select(option => option.Name);
        var hint = Suggestion.For(key, names) is { } near ? $"did you mean {near}?"
            : Suggestion.Option(key) is { } other ? $"did you mean {other.Path}?"
            : $"expected one of {string.Join(", ", names)}";
        return $"unknown key {TomlText.Quote(key)} in {Header}; {hint}";
    }
}

/// <summary>A table that stands in the file at most once.</summary>
sealed class TableSection<T>(string name, string help, Func<ClusterConfig, T> get, Func<ClusterConfig, T, ClusterConfig> with)
    : ConfigSection<T>(name, help, get(ConfigSchema.Defaults))
{
    public override bool IsArray => false;

    public override ClusterConfig Bind(ClusterConfig config, ConfigEntry? entry, BindContext context)
    {
        if (entry is { Value: not ConfigValue.Table })
        {
            context.Problem(context.InFile(entry.KeyPosition), $"{TomlText.Quote(Name)} is not a table; expected {Header}, once");
            return config;
        }

        var origin = entry is null ? context.StartOfFile : context.InFile(entry.Value.Position);
        return with(config, BindTable(get(config), entry?.Value as ConfigValue.Table, Name, origin, context));
    }

    public override IEnumerable<(string, IEnumerable<(ConfigOption, string)>)> Write(ClusterConfig config) =>
        [(Name, WriteTable(get(config)))];
}

/// <summary>An array of tables.</summary>
sealed class TableArraySection<T>(
    string name, string help, T defaults, Func<ClusterConfig, ConfigList<T>> get, Func<ClusterConfig, ConfigList<T>, ClusterConfig> with)
    : ConfigSection<T>(name, help, defaults)
{
    public override bool IsArray => true;

    public override ClusterConfig Bind(ClusterConfig config, ConfigEntry? entry, BindContext context)
    {
        if (entry is null)
        {
            return config;
        }

        if (entry.Value is not ConfigValue.List list || list.Items.FirstOrDefault(item => item is not ConfigValue.Table) is not null)
        {
            context.Problem(
                context.InFile(entry.KeyPosition), $"{TomlText.Quote(Name)} is not an array of tables; expected {Header} before each");
            return config;
        }

        return with(config, [.. list.Items.Cast<ConfigValue.Table>().Select((table, i) => BindElement(table, $"{Name}[{i}]", context))]);
    }

    public override IEnumerable<(string, IEnumerable<(ConfigOption, string)>)> Write(ClusterConfig config) =>
        get(config).Select((record, i) => ($"{Name}[{i}]", WriteTable(record)));

    T BindElement(ConfigValue.Table table, string path, BindContext context)
    {
        context.Origins[path] = context.InFile(table.Position);
        return BindTable(Defaults, table, path, context.Origins[path], context);
    }
}
