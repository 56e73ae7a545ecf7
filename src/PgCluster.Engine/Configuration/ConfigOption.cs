namespace PgCluster.Engine.Configuration;

/// <summary>One option of the configuration: what it is called everywhere, what it may be, and what it is for.</summary>
public abstract class ConfigOption
{
    /// <summary>What all environment variables of options begin with.</summary>
    public const string EnvironmentPrefix = "PGCLUSTER_";

    private protected ConfigOption(string section, bool inArray, string name, string help)
    {
        Section = section;
        IsInArray = inArray;
        Name = name;
        Help = help;
        Path = $"{section}.{name}";
        EnvironmentVariable = inArray ? null : EnvironmentPrefix + Path.Replace('.', '_').ToUpperInvariant();
        Flag = inArray ? null : "--" + Path.Replace('.', '-').Replace('_', '-');
    }

    /// <summary>The table it stands in.</summary>
    public string Section { get; }

    /// <summary>True when the table is one of an array: then only the file can set it.</summary>
    public bool IsInArray { get; }

    /// <summary>Its key in the table.</summary>
    public string Name { get; }

    /// <summary>Table and key, for example failover.pause_timeout.</summary>
    public string Path { get; }

    /// <summary>The environment variable that sets it; null inside an array of tables.</summary>
    public string? EnvironmentVariable { get; }

    /// <summary>The flag that sets it, with its dashes; null inside an array of tables.</summary>
    public string? Flag { get; }

    /// <summary>What it is for: one sentence.</summary>
    public string Help { get; }

    /// <summary>What the value is, in a word or two: duration, bytes, path.</summary>
    public abstract string Unit { get; }

    /// <summary>What is accepted.</summary>
    public abstract string Expected { get; }

    /// <summary>The default as TOML, or in words when it depends on another option; null when a value is required.</summary>
    public abstract string? DefaultText { get; }
}

/// <summary>An option of one kind of table.</summary>
/// <typeparam name="TSection">The record the table is bound to.</typeparam>
abstract class ConfigOption<TSection>(string section, bool inArray, string name, string help) : ConfigOption(section, inArray, name, help)
{
    /// <summary>
    /// Gives the record the value with the highest precedence. What cannot be used goes to the context, and the record stays as it is.
    /// </summary>
    /// <param name="record">The record so far.</param>
    /// <param name="entry">The key of the file; null when it is not there.</param>
    /// <param name="path">The path, with the index of the table in its array.</param>
    /// <param name="table">Where the table is, for a required option that nobody gave.</param>
    /// <param name="context">The other sources, and where results go.</param>
    public abstract TSection Bind(TSection record, ConfigEntry? entry, string path, ConfigOrigin table, BindContext context);

    /// <summary>The record's value as TOML.</summary>
    public abstract string Write(TSection record);
}

/// <summary>What stands in for an option that nobody set.</summary>
/// <param name="Text">The default as TOML or in words; null when there is none.</param>
sealed record Fallback(string? Text)
{
    /// <summary>The option is required.</summary>
    public static Fallback None { get; } = new((string?)null);

    /// <summary>The default depends on another option.</summary>
    public static Fallback From(string text) => new(text);
}

/// <summary>An option and how it is bound.</summary>
sealed class ConfigOption<TSection, TValue>(
    string section,
    bool inArray,
    string name,
    ConfigKind<TValue> kind,
    Func<TSection, TValue> get,
    Func<TSection, TValue, TSection> with,
    string help,
    Fallback fallback) : ConfigOption<TSection>(section, inArray, name, help)
{
    public override string Unit => kind.Unit;

    public override string Expected => kind.Expected;

    public override string? DefaultText => fallback.Text;

    public override string Write(TSection record) => kind.Write(get(record));

    public override TSection Bind(TSection record, ConfigEntry? entry, string path, ConfigOrigin table, BindContext context)
    {
        var bound = record;
        var found = false;

        // Every source is looked at, also one that another goes before: a broken value is an error when it is written, not when the flag
        // that hid it is taken away.
        if (entry is not null)
        {
            Take(kind.Read(entry.Value, context.Sources.FileDirectory), context.InFile(entry.Value.Position), () => Describe(entry.Value));
        }

        if (EnvironmentVariable is { } variable && context.Sources.Environment.TryGetValue(variable, out var text) && text.Length > 0)
        {
            var origin = new ConfigOrigin(ConfigSource.Environment, variable, default);
            Take(kind.Parse(text, context.Sources.WorkingDirectory), origin, () => Describe(text));
        }

        if (Flag is { } flag && context.Sources.Flags.TryGetValue(Path, out var argument))
        {
            var origin = new ConfigOrigin(ConfigSource.Flag, flag, default);
            Take(kind.Parse(argument, context.Sources.WorkingDirectory), origin, () => Describe(argument));
        }

        if (!found && fallback.Text is null)
        {
            var elsewhere = IsInArray ? "" : $", in the file, as {EnvironmentVariable} or as {Flag}";
            context.Refuse(path, table, $"{path} is missing; expected {kind.Expected}{elsewhere}");
        }

        return bound;

        void Take(Reading<TValue> reading, ConfigOrigin from, Func<string> describe)
        {
            found = true;
            if (reading.Expected is not null)
            {
                context.Refuse(path, from, $"{path} is {reading.Found ?? describe()}; expected {kind.Expected}");
                return;
            }

            bound = with(record, reading.Value);
            context.Origins[path] = from;
        }
    }

    static string Describe(ConfigValue value) => value switch
    {
        ConfigValue.Text text => Describe(text.Value),
        ConfigValue.Integer integer => $"the integer {integer.Value}",
        ConfigValue.Number => "a float",
        ConfigValue.Boolean => "a boolean",
        ConfigValue.List => "an array",
        ConfigValue.Table => "a table",
        _ => "a date or time",
    };

    static string Describe(string text) => text.Length > 80 ? $"a text of {text.Length} characters" : TomlText.Quote(text);
}
