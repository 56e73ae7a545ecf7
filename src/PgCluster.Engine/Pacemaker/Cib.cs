using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using System.Xml.XPath;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Pacemaker's cluster information base, as far as it is about PostgreSQL: who is a member, what the resource agents say of their servers, and what stands in the way of a failover. It is read from what
/// <c>cibadmin --query --local</c> prints; schemas of Pacemaker 1.1 to 3.0 are understood.
/// </summary>
public sealed record Cib
{
    private XElement? _document;

    /// <summary>Whether the partition that this was read in may decide anything.</summary>
    public required bool HasQuorum { get; init; }

    /// <summary>Whether Pacemaker leaves all resources alone (<c>maintenance-mode</c>).</summary>
    public required bool InMaintenance { get; init; }

    /// <summary>Whether a node that is lost is fenced before its resources start elsewhere (<c>stonith-enabled</c>, which is on unless it is turned off).</summary>
    public required bool Fences { get; init; }

    /// <summary>The configured nodes, in their order.</summary>
    public required IReadOnlyList<CibNode> Nodes { get; init; }

    /// <summary>The resources of the agent ocf:heartbeat:pgsql, in their order.</summary>
    public required IReadOnlyList<PgsqlResource> Servers { get; init; }

    /// <summary>Location constraints that moving a resource by hand leaves behind (<c>cli-prefer-…</c>, <c>cli-ban-…</c>).</summary>
    public required IReadOnlyList<CibConstraint> Moves { get; init; }

    /// <summary>Names of the nodes that an XPath selects: elements that bear a node's name (<c>uname</c>), or failing that its id.</summary>
    /// <param name="xpath">XPath 1.0 over the whole document.</param>
    public IReadOnlySet<string> Select(string xpath) => (_document?.XPathSelectElements(xpath) ?? [])
        .Select(e => Nodes.FirstOrDefault(n => n.Name == Text(e, "uname")) ?? Nodes.FirstOrDefault(n => n.Id == Text(e, "id")))
        .OfType<CibNode>().Select(n => n.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Reads a document.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>: it is no cluster information base.</exception>
    public static Cib Parse(string xml)
    {
        ArgumentNullException.ThrowIfNull(xml);
        XElement cib;
        try
        {
            cib = XDocument.Parse(xml).Root!;
        }
        catch (XmlException e)
        {
            throw new PgClusterException(Reason.NotSupportedHere, $"cibadmin did not print a cluster information base: {e.Message}", e);
        }

        if (cib.Name.LocalName != "cib" || cib.Element("configuration") is not { } configuration)
        {
            throw new PgClusterException(Reason.NotSupportedHere, $"cibadmin did not print a cluster information base: its document is a <{cib.Name.LocalName}>");
        }

        var options = Pairs(configuration.Element("crm_config"));
        var states = (cib.Element("status")?.Elements("node_state") ?? []).ToLookup(s => Text(s, "uname"), StringComparer.Ordinal);
        return new Cib
        {
            _document = cib,
            HasQuorum = IsTrue(Text(cib, "have-quorum")),
            InMaintenance = IsTrue(options.GetValueOrDefault("maintenance-mode")),
            Fences = IsTrue(options.GetValueOrDefault("stonith-enabled", "true")),
            Nodes = [.. (configuration.Element("nodes")?.Elements("node") ?? []).Select(n => NodeOf(n, states[Text(n, "uname")].FirstOrDefault()))],
            Servers = [.. (configuration.Element("resources")?.Descendants("primitive") ?? []).Where(p => Text(p, "class") == "ocf" && Text(p, "provider") == "heartbeat" && Text(p, "type") == "pgsql").Select(ServerOf)],
            Moves =
            [
                .. (configuration.Element("constraints")?.Elements("rsc_location") ?? [])
                    .Select(c => new CibConstraint(Text(c, "id"), Text(c, "rsc")))
                    .Where(c => c.Id.StartsWith("cli-prefer-", StringComparison.Ordinal) || c.Id.StartsWith("cli-ban-", StringComparison.Ordinal)),
            ],
        };
    }

    private static CibNode NodeOf(XElement node, XElement? state)
    {
        var configured = Pairs(node);
        return new CibNode
        {
            Id = Text(node, "id"),
            Name = Text(node, "uname"),

            // Up to 2.1.6 these two are words, later the second since which it is so.
            IsOnline = state is not null && IsOn(Text(state, "in_ccm")) && IsOn(Text(state, "crmd")),
            InStandby = IsTrue(configured.GetValueOrDefault("standby")),
            Attributes = configured,
            Transient = Pairs(state?.Element("transient_attributes")),
        };

        static bool IsOn(string value) => value is "true" or "online" || (long.TryParse(value, CultureInfo.InvariantCulture, out var since) && since > 0);
    }

    private static PgsqlResource ServerOf(XElement primitive)
    {
        var settings = Pairs(primitive, "instance_attributes");
        var around = primitive.Ancestors().FirstOrDefault(a => a.Name.LocalName is "master" or "clone");
        var isPromotable = around is not null && (around.Name.LocalName == "master" || IsTrue(Pairs(around, "meta_attributes").GetValueOrDefault("promotable")));
        return new PgsqlResource(Text(primitive, "id"), isPromotable ? Text(around!, "id") : null, settings.GetValueOrDefault("tmpdir", "/var/lib/pgsql/tmp"), settings.GetValueOrDefault("pgdata", "/var/lib/pgsql/data"));
    }

    /// <summary>Names and values of every set of attributes right below an element.</summary>
    private static Dictionary<string, string> Pairs(XElement? element, string? set = null)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in (element?.Elements() ?? []).Where(e => set is null || e.Name.LocalName == set).SelectMany(e => e.Elements("nvpair")))
        {
            pairs[Text(pair, "name")] = Text(pair, "value");
        }

        return pairs;
    }

    private static string Text(XElement element, string attribute) => element.Attribute(attribute)?.Value ?? "";

    /// <summary>What Pacemaker takes for true.</summary>
    private static bool IsTrue(string? value) => value?.ToLowerInvariant() is "true" or "on" or "yes" or "y" or "1";
}
