using System.Text;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace PgCluster.Build;

/// <summary>
/// Makes the module's help file (MAML) from docs/cmdlets.md, so that the page people read and what Get-Help says are one text. Whether the page
/// agrees with the cmdlets is for the tests to say: they compare the help with the parameters.
/// </summary>
static partial class HelpWriter
{
    static readonly XNamespace Msh = "http://msh";
    static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    static readonly Parameter[] Confirmation =
    [
        new("WhatIf", "SwitchParameter", "Say what would be done and do nothing.") { Aliases = ["wi"] },
        new("Confirm", "SwitchParameter", "Ask before it is done; -Confirm:$false asks nothing.") { Aliases = ["cf"] },
    ];

    /// <summary>Reads the page and writes the help file.</summary>
    /// <param name="page">docs/cmdlets.md.</param>
    /// <param name="target">The .dll-Help.xml to write.</param>
    public static void Write(string page, string target)
    {
        var topics = Sections(File.ReadAllText(page).ReplaceLineEndings("\n"), "## ").ToList();
        var shared = topics.Where(t => t.Title.StartsWith("Shared: ", StringComparison.Ordinal))
            .ToDictionary(t => t.Title["Shared: ".Length..], t => Parameters(t.Body, []), StringComparer.Ordinal);
        var root = new XElement(
            Msh + "helpItems",
            new XAttribute("schema", "maml"),
            topics.Where(t => CmdletName().IsMatch(t.Title)).Select(t => Topic(t.Title, t.Body, shared)));
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        using var writer = XmlWriter.Create(target, new XmlWriterSettings { Indent = true, NewLineChars = "\n", Encoding = new UTF8Encoding(false) });
        root.Save(writer);
    }

    static XElement Topic(string name, string body, Dictionary<string, List<Parameter>> shared)
    {
        var parts = Sections(body, "### ").ToDictionary(p => p.Title, p => p.Body, StringComparer.Ordinal);
        var texts = Paragraphs(body[..Math.Max(0, body.IndexOf("\n### ", StringComparison.Ordinal))]);
        if (texts.Count < 2)
        {
            throw new BuildException($"docs/cmdlets.md: {name} needs a sentence and a description");
        }

        var parameters = Parameters(Part("Parameters"), shared);
        var confirms = texts.RemoveAll(t => t.StartsWith("Supports -WhatIf and -Confirm", StringComparison.Ordinal)) > 0;
        if (confirms)
        {
            parameters.AddRange(Confirmation);
        }

        var dash = name.IndexOf('-', StringComparison.Ordinal);
        var sets = parameters.Select(p => p.Set).OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return new XElement(
            Command + "command",
            new XAttribute(XNamespace.Xmlns + "maml", Maml),
            new XAttribute(XNamespace.Xmlns + "command", Command),
            new XAttribute(XNamespace.Xmlns + "dev", Dev),
            new XElement(
                Command + "details",
                new XElement(Command + "name", name),
                new XElement(Command + "verb", name[..dash]),
                new XElement(Command + "noun", name[(dash + 1)..]),
                Text("description", [texts[0]])),
            Text("description", texts[1..]),
            new XElement(
                Command + "syntax",
                (sets.Count == 0 ? [null] : sets.Select(s => (string?)s)).Select(set => new XElement(
                    Command + "syntaxItem",
                    new XElement(Maml + "name", name),
                    parameters.Where(p => p.Set is null || p.Set == set).OrderBy(p => p.Position ?? int.MaxValue).Select(p => p.ToXml(withDefault: false))))),
            new XElement(Command + "parameters", parameters.Select(p => p.ToXml(withDefault: true))),
            new XElement(Command + "inputTypes", Types(Part("Inputs")).Select(t => TypeOf("inputType", t.Name, t.Text))),
            new XElement(Command + "returnValues", Types(Part("Outputs")).Select(t => TypeOf("returnValue", t.Name, t.Text))),
            new XElement(Command + "examples", Sections(Part("Examples"), "#### ").Select((e, i) => Example(e.Title, e.Body, i + 1))),
            new XElement(
                Command + "relatedLinks",
                Part("Related").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => new XElement(
                    Maml + "navigationLink", new XElement(Maml + "linkText", line.TrimStart('-', ' ')), new XElement(Maml + "uri")))));

        string Part(string title) => parts.TryGetValue(title, out var part) ? part : throw new BuildException($"docs/cmdlets.md: {name} has no '### {title}'");
    }

    static XElement Example(string title, string body, int number)
    {
        var code = Code().Match(body);
        return code.Success
            ? new XElement(
                Command + "example",
                new XElement(Maml + "title", $"Example {number}: {title}"),
                new XElement(Dev + "code", code.Groups["code"].Value),
                new XElement(Dev + "remarks", Paragraphs(body[(code.Index + code.Length)..]).Select(p => new XElement(Maml + "para", p))))
            : throw new BuildException($"docs/cmdlets.md: example '{title}' has no code");
    }

    static XElement TypeOf(string element, string name, string text) => new(
        Command + element, new XElement(Dev + "type", new XElement(Maml + "name", name)), Text("description", [text]));

    static XElement Text(string element, IEnumerable<string> paragraphs) => new(Maml + element, paragraphs.Select(p => new XElement(Maml + "para", p)));

    static List<Parameter> Parameters(string body, Dictionary<string, List<Parameter>> shared)
    {
        var found = new List<Parameter>();
        foreach (var item in Items(body))
        {
            if (SharedItem().Match(item) is { Success: true } reference)
            {
                found.AddRange(shared[reference.Groups["name"].Value]);
                continue;
            }

            var match = ParameterItem().Match(item);
            if (!match.Success)
            {
                throw new BuildException($"docs/cmdlets.md: '{item}' is no parameter; expected - `-Name <type>` [facts]: text");
            }

            var parameter = new Parameter(
                match.Groups["name"].Value, match.Groups["type"].Success ? match.Groups["type"].Value : "SwitchParameter", match.Groups["text"].Value);
            foreach (var fact in Facts(match.Groups["facts"].Value))
            {
                parameter = fact.Split(' ', 2) switch
                {
                    ["required"] => parameter with { Required = true },
                    ["wildcards"] => parameter with { Wildcards = true },
                    ["by", "value"] => parameter with { ByValue = true },
                    ["by", "property name"] => parameter with { ByPropertyName = true },
                    ["position", var n] => parameter with { Position = int.Parse(n, System.Globalization.CultureInfo.InvariantCulture) },
                    ["alias", var alias] => parameter with { Aliases = [alias] },
                    ["set", var set] => parameter with { Set = set },
                    ["default", var value] => parameter with { Default = value },
                    _ => throw new BuildException($"docs/cmdlets.md: '{fact}' says nothing of a parameter"),
                };
            }

            found.Add(parameter);
        }

        return found;
    }

    /// <summary>A default may hold commas and comes last.</summary>
    static IEnumerable<string> Facts(string text)
    {
        var at = text.IndexOf("default ", StringComparison.Ordinal);
        var before = at < 0 ? text : text[..at];
        return before.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Concat(at < 0 ? [] : [text[at..]]);
    }

    static IEnumerable<(string Name, string Text)> Types(string body) => Items(body).Select(item => TypeItem().Match(item) is { Success: true } match
        ? (match.Groups["name"].Value, match.Groups["text"].Value)
        : throw new BuildException($"docs/cmdlets.md: '{item}' is no type; expected - `Type`: text"));

    /// <summary>List items, each on one line.</summary>
    static IEnumerable<string> Items(string body) =>
        Paragraphs(body.Replace("\n- ", "\n\n- ", StringComparison.Ordinal)).Where(p => p.StartsWith("- ", StringComparison.Ordinal)).Select(p => p[2..]);

    static List<string> Paragraphs(string body) =>
        [.. body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Select(p => Blanks().Replace(p, " ").Trim().Trim('*')).Where(p => p.Length > 0)];

    static IEnumerable<(string Title, string Body)> Sections(string text, string mark)
    {
        foreach (var section in ("\n" + text).Split("\n" + mark)[1..])
        {
            var end = section.IndexOf('\n', StringComparison.Ordinal);
            yield return end < 0 ? (section, "") : (section[..end].Trim(), section[end..]);
        }
    }

    [GeneratedRegex(@"^[A-Z][a-z]+-[A-Za-z]+$")]
    private static partial Regex CmdletName();

    [GeneratedRegex(@"```powershell\n(?<code>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex(@"^`-(?<name>\w+)( <(?<type>[^>]+)>)?`( \[(?<facts>[^\]]*)\])?: (?<text>.+)$")]
    private static partial Regex ParameterItem();

    [GeneratedRegex(@"^\*?(?<name>\w+)\*?$")]
    private static partial Regex SharedItem();

    [GeneratedRegex(@"^`(?<name>[\w.]+)`: (?<text>.+)$")]
    private static partial Regex TypeItem();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();

    sealed record Parameter(string Name, string Type, string Help)
    {
        public bool Required { get; init; }

        public bool Wildcards { get; init; }

        public bool ByValue { get; init; }

        public bool ByPropertyName { get; init; }

        public int? Position { get; init; }

        public string[] Aliases { get; init; } = [];

        public string? Set { get; init; }

        public string? Default { get; init; }

        public XElement ToXml(bool withDefault) => new(
            Command + "parameter",
            new XAttribute("required", Required ? "true" : "false"),
            new XAttribute("variableLength", "true"),
            new XAttribute("globbing", Wildcards ? "true" : "false"),
            new XAttribute("pipelineInput", (ByValue, ByPropertyName) switch
            {
                (true, true) => "True (ByPropertyName, ByValue)",
                (true, false) => "True (ByValue)",
                (false, true) => "True (ByPropertyName)",
                _ => "False",
            }),
            new XAttribute("position", Position is { } at ? at.ToString(System.Globalization.CultureInfo.InvariantCulture) : "named"),
            new XAttribute("aliases", Aliases.Length == 0 ? "none" : string.Join(", ", Aliases)),
            new XElement(Maml + "name", Name),
            Text("description", [Help]),
            Type == "SwitchParameter" && !withDefault
                ? null
                : new XElement(Command + "parameterValue", new XAttribute("required", Type == "SwitchParameter" ? "false" : "true"), new XAttribute("variableLength", "false"), Type),
            new XElement(Dev + "type", new XElement(Maml + "name", Type), new XElement(Maml + "uri")),
            new XElement(Dev + "defaultValue", Default ?? (Type == "SwitchParameter" ? "False" : "None")));
    }
}
