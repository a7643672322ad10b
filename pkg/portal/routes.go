package portal

import "slices"

// allRoutes is every page of the portal.
func (p *Portal) allRoutes() []Route {
	return slices.Concat(p.publicRoutes(), p.registerRoutes(), p.ledgerRoutes(), p.doorRoutes(), p.handoverRoutes(), p.homeRoutes(), p.catalogueRoutes(), p.projectRoutes(),
		p.applicationRoutes(), p.reviewRoutes(), p.refreshRoutes(), p.workspaceRoutes(), p.outboxRoutes(), p.outputRoutes(), p.queueRoutes(), p.reassignRoutes(), p.releaseRoutes(), p.damageRoutes(), p.signOffRoutes(), p.standingRoutes(), p.publishedRoutes(), p.inputRoutes(),
		p.sourceRoutes(), p.dataRoutes(), p.pairRoutes(), p.traceRoutes(), p.codeListRoutes(), p.versionRoutes(), p.endingRoutes(), p.peopleRoutes(), p.systemRoutes())
}
